#include "surface/cli/top.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "surface/cli/table.h"
#include "surface/cli/testing/canned_client.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string plain(std::string text) {
  for (size_t at; (at = text.find('\x1b')) != std::string::npos;) text.erase(at, text.find('m', at) - at + 1);
  return text;
}

TopAnswer answer_of(const TopQuestion& question, size_t vms) {
  TopAnswer out{question, {}, vms, vms, 0, 0, "12:31:05Z", ""};
  for (size_t i = 0; i < vms; ++i)
    out.vms.push_back(
        {"ns", "m", "vm-" + std::to_string(i), "alive", 50.0, 40.0, std::nullopt, 90.0 - double(i), {1, 2}});
  return out;
}

class TopViewTest : public testing::Test {
 protected:
  static KeyPress character(char c) { return {Key::kCharacter, c}; }
  std::string screen() const {
    std::string out;
    for (const std::string& line : view_.lines()) out += plain(line) + "\n";
    return out;
  }
  TopView view_{"http://s", *find_metric("cpu_utilization"), 2s, true};
};

TEST_F(TopViewTest, FitsEveryTerminal) {
  for (const Terminal::Size size : {Terminal::Size{80, 24}, {1, 1}, {2, 3}, {20, 5}, {40, 10}, {300, 100}, {80, 4}}) {
    view_.resize(size);
    view_.take(answer_of(view_.question(), 50));
    const auto lines = view_.lines();
    EXPECT_LE(lines.size(), size.height) << size.width;
    for (const std::string& line : lines) EXPECT_LE(display_width(plain(line)), size.width) << plain(line);
  }
}

TEST_F(TopViewTest, ShowsTheHighestWithTheirCourse) {
  EXPECT_THAT(screen(), HasSubstr("asking"));
  view_.take(answer_of(view_.question(), 2));
  EXPECT_THAT(screen(), HasSubstr("http://s  2 VMs: 2 alive, 0 late, 0 silent"));
  EXPECT_THAT(screen(), HasSubstr("12:31:05Z"));
  EXPECT_THAT(screen(), HasSubstr("by cpu_utilization (percent), highest first, every 2s"));
  EXPECT_THAT(screen(), testing::ContainsRegex("ns/m/vm-0 +alive +50.0  40.0     –           90 %  ▁█"));
}

TEST_F(TopViewTest, ATroubleLeavesWhatIsShown) {
  view_.take(answer_of(view_.question(), 1));
  TopAnswer bad;
  bad.problem = "http://s does not answer";
  view_.take(bad);
  EXPECT_THAT(screen(), HasSubstr("does not answer"));
  EXPECT_THAT(screen(), HasSubstr("vm-0"));
  view_.take(answer_of(view_.question(), 1));
  EXPECT_THAT(screen(), Not(HasSubstr("does not answer")));
}

TEST_F(TopViewTest, KeysChooseTheMetric) {
  const auto f = [&](const KeyPress& key, const char* metric) {
    EXPECT_EQ(view_.press(key), TopView::Act::kAsk);
    EXPECT_EQ(view_.question().metric->name, metric);
  };
  f({Key::kRight}, "cpu_system");
  f({Key::kLeft}, "cpu_utilization");
  f({Key::kLeft}, "cpu_speed");  // Around the end of the catalogue.
  f({Key::kRight}, "cpu_utilization");
  f(character('m'), "mem_utilization");
  f(character('d'), "disk_utilization");
  f(character('n'), "bytes_in");
  f(character('c'), "cpu_utilization");
  EXPECT_EQ(view_.press(character('c')), TopView::Act::kNothing) << "it is the one already";
  EXPECT_EQ(view_.press(character('r')), TopView::Act::kAsk);
  EXPECT_FALSE(view_.question().descending);
  EXPECT_EQ(view_.press(character(' ')), TopView::Act::kAsk);
  EXPECT_EQ(view_.press(character('x')), TopView::Act::kNothing);
  EXPECT_EQ(view_.press(character('q')), TopView::Act::kQuit);
  EXPECT_EQ(view_.press(character(3)), TopView::Act::kQuit);
}

TEST_F(TopViewTest, ValuesOfAnotherMetricAreNotShownAsThisOne) {
  view_.take(answer_of(view_.question(), 1));
  view_.press({Key::kRight});
  EXPECT_THAT(screen(), Not(HasSubstr("90 %")));
}

TEST_F(TopViewTest, ScrollsToWhatIsSelected) {
  view_.resize({80, 14});  // Ten VMs.
  view_.take(answer_of(view_.question(), 25));
  const auto f = [&](const KeyPress& key, size_t first) {
    view_.press(key);
    EXPECT_EQ(view_.question().first, first);
    EXPECT_EQ(view_.question().last, first + 10);
  };
  for (int i = 0; i < 9; ++i) f({Key::kDown}, 0);
  f({Key::kDown}, 1);
  f({Key::kEnd}, 15);
  EXPECT_THAT(screen(), HasSubstr("vm-24"));
  f({Key::kPageUp}, 14);
  f({Key::kPageUp}, 4);
  f({Key::kHome}, 0);
  f({Key::kUp}, 0);
  f({Key::kPageDown}, 1);
  view_.take(answer_of(view_.question(), 3));  // The others went.
  EXPECT_EQ(view_.question().first, 0u);
  EXPECT_THAT(screen(), HasSubstr("vm-0"));
}

TEST_F(TopViewTest, NoNameSteersTheTerminal) {
  TopAnswer answer = answer_of(view_.question(), 1);
  answer.vms.front().vm = "v\x1b[2J\x07";
  view_.take(answer);
  for (const std::string& line : view_.lines()) EXPECT_THAT(line, Not(HasSubstr("\x1b[2J")));
}

class TopTest : public testing::Test {
 protected:
  TopTest() {
    http_.answers = {
        {"/api/v1/mcis", {200, R"({"mcis":[{"ns":"n","mcis":"m","vms":3,"alive":2,"late":1,"silent":0}]})"}},
        {"/api/v1/vms", {200, R"({"vms":[{"ns":"n","mcis":"m","vm":"v","state":"alive","latest":{"cpu_idle":7.5}}]})"}},
        {"/api/v1/query",
         {200, R"({"series":[{"labels":{"ns":"n","mcis":"m","vm":"v"},"values":[["t",1],["t",null],["t",3]]}]})"}}};
  }
  CannedClient http_;
  ManualClock clock_{from_unix_ms(1'700'000'000'000)};
  CliSession session_{http_, "http://s"};
  const TopQuestion question_{find_metric("cpu_idle"), true, 0, 10};
};

TEST_F(TopTest, ReadsAnAnswer) {
  const TopAnswer answer = ask_top(session_, {.ns = "n", .mcis = "m"}, question_, clock_);
  EXPECT_EQ(answer.problem, "");
  EXPECT_EQ(answer.total, 3u);
  EXPECT_EQ(answer.late, 1u);
  EXPECT_EQ(answer.time, "22:13:20Z");
  ASSERT_EQ(answer.vms.size(), 1u);
  EXPECT_EQ(answer.vms[0].value, 7.5);
  EXPECT_EQ(answer.vms[0].cpu, std::nullopt);
  EXPECT_EQ(answer.vms[0].course, (std::vector<std::optional<double>>{1, std::nullopt, 3}));
  EXPECT_THAT(http_.asked, testing::Contains("/api/v1/vms?sort=-cpu_idle&limit=10&ns=n&mcis=m"));
}

TEST_F(TopTest, SaysWhyThereIsNone) {
  http_.answers["/api/v1/vms"] = {401, R"({"message":"a token is needed"})"};
  TopAnswer answer = ask_top(session_, {}, question_, clock_);
  EXPECT_THAT(answer.problem, HasSubstr("401: a token is needed Give a token"));
  EXPECT_EQ(answer.code, kExitRefused);
  http_.answers.clear();
  answer = ask_top(session_, {}, question_, clock_);
  EXPECT_THAT(answer.problem, testing::StartsWith("http://s does not answer"));
  EXPECT_EQ(answer.code, kExitUnreachable);
}

TEST_F(TopTest, WithoutTheCourseTheRestIsStillGood) {
  http_.answers["/api/v1/query"] = {422, R"({"message":"too many"})"};
  const TopAnswer answer = ask_top(session_, {}, question_, clock_);
  EXPECT_EQ(answer.problem, "");
  EXPECT_EQ(answer.vms.size(), 1u);
}

TEST_F(TopTest, IsATableWhereThereIsNoTerminal) {
  std::atomic<bool> stopping = false;
  const auto f = [&](OutputForm form, const char* words) {
    session_.output = form;
    session_.out.clear();
    EXPECT_EQ(run_top(session_, {.sort = "cpu_idle"}, clock_, stopping), kExitDone) << session_.errors;
    EXPECT_THAT(session_.out, HasSubstr(words));
  };
  f(OutputForm::kCsv, "ns,mcis,vm,state,cpu_idle\r\nn,m,v,alive,7.5\r\n");
  f(OutputForm::kJson, R"({"vms":[{"ns":"n","mcis":"m","vm":"v","state":"alive","cpu_idle":7.5)");
  EXPECT_EQ(run_top(session_, {.sort = "gpu"}, clock_, stopping), kExitUsage);
  EXPECT_THAT(session_.errors, HasSubstr("cbmon metric list"));
}

}  // namespace
}  // namespace dragonfly
