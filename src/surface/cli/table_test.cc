#include "surface/cli/table.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

TEST(Text, WidthIsThatOfTheTerminal) {
  const auto f = [](std::string_view text, size_t width) { EXPECT_EQ(display_width(text), width) << text; };
  f("", 0);
  f("vm-1", 4);
  f("café", 4);
  f("cafe\u0301", 4);    // The accent as a character of its own.
  f("서버", 4);          // Syllables,
  f("\u1109\u1165", 2);  // and one spelled as two letters.
  f("が", 2);
  f("か\u3099", 2);
  f("東京-1", 6);
  f("💾", 2);
  f("a\u200d\ufe0f", 1);
  f("\x1b[2J", 4);  // '?' for the escape.
  f("\xff\xc3", 2);
  f("\xed\xa0\x80", 3);  // A surrogate: three bytes that are none.
}

TEST(Text, NothingPrintableSteersTheTerminal) {
  const auto f = [](std::string_view text, std::string_view want) { EXPECT_EQ(printable(text), want); };
  f("서버 é", "서버 é");
  f("a\x1b[31mb", "a?[31mb");
  f("a\nb\tc\x7f", "a?b?c?");
  f("\xc2\x9b"
    "31m",
    "?31m");  // CSI in one character.
  f("\u202egnp.exe", "?gnp.exe");
  f("\u2066x\u2069\u2028", "?x??");
  f("cut \xe2\x80", "cut ??");
  f(std::string_view("a\0b", 3), "a?b");
}

TEST(Text, IsCutBetweenCharacters) {
  const auto f = [](std::string_view text, size_t width, std::string_view want) {
    EXPECT_EQ(cut_to_width(text, width), want);
    EXPECT_LE(display_width(cut_to_width(text, width)), width);
  };
  f("abcdef", 6, "abcdef");
  f("abcdef", 5, "abcd…");
  f("abcdef", 1, "…");
  f("abcdef", 0, "");
  f("", 0, "");
  f("東京都庁", 8, "東京都庁");
  f("東京都庁", 7, "東京都…");
  f("東京都庁", 6, "東京…");  // Half a character is none.
  f("cafe\u0301s", 5, "cafe\u0301s");
  f("cafe\u0301st", 5, "cafe\u0301…");
  f("a\x1b"
    "bcd",
    4, "a?b…");
}

Table two_columns() {
  Table table({{"NAME"}, {"VALUE", Table::Align::kRight}});
  table.add({"cpu", "1"});
  table.add({"東京", "12.5"});
  return table;
}

TEST(Table, ColumnsStandUnderEachOther) {
  EXPECT_EQ(two_columns().text({}),
            "NAME  VALUE\n"
            "cpu       1\n"
            "東京   12.5\n");
}

TEST(Table, WithoutRowsThereAreTitles) {
  const Table table({{"NAME"}, {"VALUE"}});
  EXPECT_EQ(table.text({}), "NAME  VALUE\n");
  EXPECT_EQ(table.text({.width = 1}), "NAME  VAL…\n") << "a column keeps 4";
  EXPECT_EQ(table.csv(), "name,value\r\n");
}

TEST(Table, EmptyCellsLeaveNoSpaceAtTheEnd) {
  Table table({{"A"}, {"B"}});
  table.add({"x", ""});
  table.add({"", ""});
  EXPECT_EQ(table.text({}), "A  B\nx\n\n");
}

TEST(Table, ColoursAreForTitlesOnly) {
  EXPECT_TRUE(two_columns().text({.colours = true}).starts_with("\x1b[1mNAME  VALUE\x1b[0m\ncpu "));
}

TEST(Table, ANarrowTerminalCutsTheLastColumnFirst) {
  Table table({{"NAME"}, {"MEANING"}});
  table.add({"cpu_utilization", "busy share of all CPUs"});
  const auto f = [&](size_t width, std::string_view want) { EXPECT_EQ(table.text({.width = width}), want) << width; };
  f(39, "NAME             MEANING\ncpu_utilization  busy share of all CPUs\n");
  f(38, "NAME             MEANING\ncpu_utilization  busy share of all CP…\n");
  f(21, "NAME             MEA…\ncpu_utilization  bus…\n");
  f(14, "NAME      MEA…\ncpu_uti…  bus…\n");
  f(3, "NAME  MEA…\ncpu…  bus…\n");
}

TEST(Table, ControlCharactersOfCellsAreShownAsSuch) {
  Table table({{"NAME"}});
  table.add({"a\x1b[2Jb\nc"});
  EXPECT_EQ(table.text({}), "NAME\na?[2Jb?c\n");
}

TEST(Table, CsvIsReadBackAsItWas) {
  const auto f = [](std::string_view cell, std::string_view want) {
    Table table({{"A"}});
    table.add({std::string(cell)});
    EXPECT_EQ(table.csv(), "a\r\n" + std::string(want) + "\r\n");
  };
  f("plain", "plain");
  f("a,b", "\"a,b\"");
  f("say \"hi\"", "\"say \"\"hi\"\"\"");
  f("two\nlines", "\"two\nlines\"");
  f("서버", "서버");
  f("-1.5", "-1.5");
  f("-1e-7", "-1e-7");
  f("=1+1", "'=1+1");
  f("+cmd", "'+cmd");
  f("-cmd", "'-cmd");
  f("@SUM(A1)", "'@SUM(A1)");
  f("\t=1", "'\t=1");
  f("\r=1", "\"'\r=1\"");
  f("=a,b", "\"'=a,b\"");
}

}  // namespace
}  // namespace dragonfly
