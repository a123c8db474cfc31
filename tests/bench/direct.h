// A PKCS#11 module called directly, by one thread: the most that any agent can get out of it.
#pragma once

#include <chrono>
#include <string>

#include "measure.h"

namespace fob {

struct DirectPlan {
  std::string module;
  std::string pin;
  std::string key;  ///< key type as an agent lists it: "ssh-rsa:2048", "ecdsa-sha2-nistp256"
  std::chrono::duration<double> time{1};
};

/// Signs a hash with C_SignInit and C_Sign, one after the other, by the first private key of that type on the first
/// token: what an agent has to call for a signature, and no more. Throws std::runtime_error.
Outcome sign_directly(const DirectPlan& plan);

}  // namespace fob
