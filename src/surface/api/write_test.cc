#include "surface/api/testing/api_fixture.h"

namespace dragonfly {
namespace {

class WriteTest : public ApiFixture {
 protected:
  std::string write(const std::string& query, const std::string& text = "cpu,vmId=v1 usage_idle=5") {
    const HttpResponse response = ask("/write" + query, {}, "POST", text);
    return std::to_string(response.status) + response.body;
  }
};

TEST_F(WriteTest, LinesGoThroughTheDoor) {
  EXPECT_EQ(write("?db=web&precision=s&rp=autogen&consistency=any"), "204");
  EXPECT_EQ(door.body, "cpu,vmId=v1 usage_idle=5");
  EXPECT_EQ(door.db, "web");
  EXPECT_EQ(door.precision, RowDoor::Precision::kSeconds);
}

TEST_F(WriteTest, Precisions) {
  const auto f = [&](const std::string& text) {
    EXPECT_EQ(write("?precision=" + text), "204");
    return door.precision;
  };
  using Precision = RowDoor::Precision;
  EXPECT_EQ(f(""), Precision::kNanoseconds);
  EXPECT_EQ(f("n"), Precision::kNanoseconds);
  EXPECT_EQ(f("ns"), Precision::kNanoseconds);
  EXPECT_EQ(f("u"), Precision::kMicroseconds);
  EXPECT_EQ(f("ms"), Precision::kMilliseconds);
  EXPECT_EQ(f("m"), Precision::kMinutes);
  EXPECT_EQ(f("h"), Precision::kHours);
  door.db = "not asked";
  EXPECT_EQ(write("?precision=d").substr(0, 3), "400");
  EXPECT_EQ(door.db, "not asked");
}

TEST_F(WriteTest, OutcomesAsInfluxClientsReadThem) {
  door.outcome = WriteOutcome{3, 1, "line 2: field 'a' has no value"};
  EXPECT_EQ(write(""), R"(400{"error":"partial write: 1 lines refused, 3 rows stored\nline 2: field 'a' has no value",)"
                       R"("message":"partial write: 1 lines refused, 3 rows stored\nline 2: field 'a' has no value"})");
  door.outcome = fail(ErrorCode::kNoSpace, "the disk is full");
  EXPECT_EQ(write(""), R"(507{"error":"the disk is full","message":"the disk is full"})");
  door.outcome = fail(ErrorCode::kResourceExhausted, "too many series");
  EXPECT_EQ(write("").substr(0, 3), "413");
  door.outcome = fail(ErrorCode::kUnavailable, "busy");
  EXPECT_EQ(write("").substr(0, 3), "503");
}

TEST_F(WriteTest, NamesAreChecked) {
  EXPECT_EQ(write("?db=" + std::string(257, 'a')).substr(0, 3), "400");
  EXPECT_EQ(write("?db=a%0ab").substr(0, 3), "400");
}

TEST_F(WriteTest, NdjsonOfAnExport) {
  const std::string row =
      R"({"ns":"n","mcis":"m","vm":"v","group":"cpu","time":"1970-01-01T00:00:00Z","values":{"x":1}})";
  const NamedValues headers{{"content-type", "application/x-ndjson"}};
  EXPECT_EQ(ask("/write?exact=true", headers, "POST", row).status, 204);
  EXPECT_EQ(door.body, "cpu,nsId=n,mcisId=m,vmId=v x=1i 0\n");
  EXPECT_EQ(ask("/write", headers, "POST", row).status, 415);
  const HttpResponse bad = ask("/write?exact=true", headers, "POST", row + "\n{}");
  EXPECT_EQ(bad.status, 400);
  EXPECT_NE(bad.body.find("line 2: 'ns' is missing; nothing is stored"), std::string::npos) << bad.body;
}

}  // namespace
}  // namespace dragonfly
