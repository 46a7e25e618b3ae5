#include "base/core/crc32c.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

TEST(Crc32c, KnownValueAndContinuation) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c(as_bytes("456789"), crc32c(as_bytes("123"))), 0xe3069283u);
  EXPECT_EQ(crc32c({}), 0u);
}

}  // namespace
}  // namespace dragonfly
