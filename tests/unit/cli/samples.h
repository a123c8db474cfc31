#pragma once

#include "protocol/control_reply.h"
#include "tests/unit/cli/fake_agent.h"

namespace fob::test {

/// Messages for tests of the fob command: a token that has everything, and keys out of tests/data.
control::Token sample_token(const std::string& id);
/// `public_key`: a file of tests/data.
control::Key sample_key(const std::string& name, const std::string& public_key = "openssh/sshkey/ecdsa_sk1.pub");
/// The key and comment in the unencrypted key file tests/data/key_files/ecdsa_sk.
control::Exported sample_export();

/// For FakeAgent: an agent with some of these, that keeps and forgets whatever it is told to.
void serve(const control::Request& request, Peer& peer);
/// As serve, and makes keys.
void serve_new(const control::Request& request, Peer& peer);

}  // namespace fob::test
