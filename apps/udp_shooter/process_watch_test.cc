#include "process_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace dragonfly {
namespace {

// "pid (name) state …", 44 numbers behind it; user is field 14, system 15, resident pages 24.
std::string stat(const std::string& name, const std::string& user, const std::string& resident) {
  return "7 (" + name + ") S 1 7 7 0 -1 4194560 100 0 0 0 " + user + " 50 0 0 20 0 1 0 100 9999999 " + resident +
         " 18446744073709551615 1 1 0";
}

TEST(ProcessWatch, ReadsTheLineOfTheKernel) {
  const auto f = [](const std::string& text, double cpu_s, uint64_t rss) {
    const auto use = parse_process_stat(text, 100, 4096);
    ASSERT_TRUE(use.has_value()) << text;
    EXPECT_EQ(use->cpu_s, cpu_s);
    EXPECT_EQ(use->rss_bytes, rss);
  };
  f(stat("cb-dragonfly", "150", "10"), 2, 40'960);
  f(stat("a) S 1 2 (b", "0", "0"), 0.5, 0);
}

TEST(ProcessWatch, WhatIsNoSuchLineIsNone) {
  const auto f = [](const std::string& text) { EXPECT_FALSE(parse_process_stat(text, 100, 4096).has_value()) << text; };
  f("");
  f("7 (cb");
  f("7 (cb) S");
  f(stat("cb", "x", "10"));
  f(stat("cb", "150", "-1"));
  const std::string whole = stat("cb", "150", "10");
  f(whole.substr(0, whole.find(" 9999999")));
}

TEST(ProcessWatch, OfThisProcessAndOfNone) {
  const auto use = ProcessWatch(::getpid()).read();
  ASSERT_TRUE(use.has_value());
  EXPECT_GT(use->rss_bytes, 1u << 20);
  EXPECT_FALSE(ProcessWatch(INT32_MAX).read().has_value());
}

}  // namespace
}  // namespace dragonfly
