#include <gmock/gmock.h>

#include "surface/api/testing/api_fixture.h"

namespace dragonfly {
namespace {

using ::testing::HasSubstr;

class BackupRoutes : public ApiFixture {};

TEST_F(BackupRoutes, StartAndState) {
  EXPECT_THAT(body("/api/v1/backup"), HasSubstr(R"("state":"none")"));
  const HttpResponse started = ask("/api/v1/backup?name=nightly", {}, "POST");
  EXPECT_EQ(started.status, 202);
  EXPECT_THAT(started.body, HasSubstr(R"("state":"running","name":"nightly","directory":"/backups")"));
  EXPECT_EQ(backups.asked, "nightly");
  EXPECT_EQ(ask("/api/v1/backup", {}, "POST").status, 202);
  EXPECT_EQ(backups.asked, "");
  backups.now.state = BackupStatus::State::kFailed;
  backups.now.message = "disk full";
  EXPECT_THAT(body("/api/v1/backup"), HasSubstr(R"("message":"disk full","backups":["a","b"])"));
}

TEST_F(BackupRoutes, Refusals) {
  const auto f = [this](ErrorCode code, int want) {
    backups.failure = Error{code, "because"};
    const HttpResponse refused = ask("/api/v1/backup?name=x", {}, "POST");
    EXPECT_EQ(refused.status, want);
    EXPECT_THAT(refused.body, HasSubstr("because"));
  };
  f(ErrorCode::kInvalidArgument, 400);
  f(ErrorCode::kAlreadyExists, 409);
  f(ErrorCode::kConflict, 409);
  EXPECT_EQ(ask("/api/v1/backup?path=x", {}, "POST").status, 400);
  EXPECT_EQ(ask("/api/v1/backup", {}, "DELETE").status, 405);
  // Pages of other sites neither start one nor read the answer.
  EXPECT_EQ(ask("/api/v1/backup", {{"origin", "https://evil.example"}}, "POST").status, 403);
  EXPECT_EQ(ask("/api/v1/backup", {{"origin", "https://evil.example"}}).status, 403);
}

}  // namespace
}  // namespace dragonfly
