#include "edge/agent/status_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "edge/agent/spool_testing.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;

TEST(StatusSocket, AnswersWhoConnectsAndGoesWithItsOwner) {
  const TestDirectory directory;
  {
    const auto socket = StatusSocket::open(directory.path());
    ASSERT_TRUE(socket.has_value()) << socket.error().message;
    socket->answer([] { return std::string("nobody"); });  // Nobody asks: does not wait.
    Result<std::string> said;
    std::thread asker([&] { said = ask_status(directory.path()); });
    bool answered = false;
    while (!answered) socket->answer([&] { return answered = true, std::string("well\n"); });
    asker.join();
    ASSERT_TRUE(said.has_value()) << said.error().message;
    EXPECT_EQ(*said, "well\n");
  }
  const auto said = ask_status(directory.path());
  ASSERT_FALSE(said.has_value());
  EXPECT_EQ(said.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(said.error().message, HasSubstr(directory.path().native()));
}

TEST(StatusSocket, TheFileOfAKilledAgentIsReplaced) {
  const TestDirectory directory;
  ASSERT_TRUE(system_files().replace_file(directory.path() / "status.sock", {}).has_value());
  EXPECT_TRUE(StatusSocket::open(directory.path()).has_value());
}

TEST(StatusSocket, APathThatIsTooLongIsNamed) {
  const auto socket = StatusSocket::open(Path("/tmp") / std::string(120, 'x'));
  ASSERT_FALSE(socket.has_value());
  EXPECT_EQ(socket.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(socket.error().message, HasSubstr("107"));
}

}  // namespace
}  // namespace dragonfly
