// EnrolmentPlace: what a machine that enrols is told of where the server is, and whom to believe.
//
// Units      none.
// Ownership  values.
// Threading  a value.
// Errors     `authority`: why there is none although the API is under TLS.
// Limits     none.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/core/result.h"

namespace dragonfly {

struct Authority {
  std::string pem;
  std::array<uint8_t, 32> digest{};  // As agent tokens carry it.
};

struct EnrolmentPlace {
  std::optional<Result<Authority>> authority;  // None: the API speaks in clear.
  std::string key_pin;                         // For curl, where systems do not trust the authority; may be empty.
  std::string advertise;                       // server.advertise; empty: the name by which the server was asked.
  uint16_t udp_port = 0;
};

}  // namespace dragonfly
