#include "tokens/sk_middleware.h"

#include <sys/wait.h>
#include <unistd.h>

#include "protocol/verify.h"
#include "tests/unit/tokens/support.h"

namespace fob {
namespace {

using test::HostProcess;
using test::new_key;
using test::Outcome;

/// OpenSSH's, of Debian's openssh-tests: keys of its own, neither PIN nor touch.
constexpr const char* sk_dummy = "/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so";

class SkMiddlewareTest : public testing::Test {
 protected:
  void SetUp() override {
    if (access(sk_dummy, R_OK) != 0) GTEST_SKIP() << "no " << sk_dummy << " (package openssh-tests)";
  }
};

TEST_F(SkMiddlewareTest, MakesKeysThatSign) {
  HostProcess host = HostProcess::middleware(sk_dummy);
  for (const KeyKind kind : {KeyKind::sk_ecdsa_p256, KeyKind::sk_ed25519}) {
    const Outcome made = host(host::Generate{new_key(kind), {}});
    const NewKey key = made.as<host::Generated>().key;
    EXPECT_EQ(made.touches, 1U);
    EXPECT_EQ(key.flags, sk_flags::user_presence_required);
    EXPECT_EQ(key.challenge.size(), 32U);
    const Outcome signature = host(host::Sign{test::key_ref(key), as_bytes("data"), {}});
    EXPECT_EQ(signature.touches, 1U);
    EXPECT_NO_THROW(verify_signature(key.public_key, signature.as<host::Signed>().signature, as_bytes("data")));
    EXPECT_TRUE(host(host::HasKey{test::key_ref(key)}).as<host::Found>().found);
  }
}

TEST_F(SkMiddlewareTest, AnnouncesNoTouchForAKeyThatWantsNone) {
  HostProcess host = HostProcess::middleware(sk_dummy);
  const NewKey key = host(host::Generate{new_key(KeyKind::sk_ed25519, 0), {}}).as<host::Generated>().key;
  EXPECT_EQ(host(host::Sign{test::key_ref(key), as_bytes("data"), {}}).touches, 0U);
}

TEST_F(SkMiddlewareTest, SaysWhatItHasNoFunctionFor) {
  HostProcess host = HostProcess::middleware(sk_dummy);
  EXPECT_EQ(host(host::Describe{}).as<host::Described>().info.key_kinds.size(), 2U);
  EXPECT_EQ(host(host::ListResident{}).error(), Errc::unsupported);  // sk-dummy has none
  EXPECT_EQ(host(host::SetPin{test::secret("1234")}).error(), Errc::unsupported);
  EXPECT_EQ(host(host::ChangePin{test::secret("1234"), test::secret("5678")}).error(), Errc::unsupported);
  EXPECT_EQ(host(host::RemoveResident{{1}, {}}).error(), Errc::unsupported);
  EXPECT_EQ(host(host::RenameResident{{1}, "bob", {}}).error(), Errc::unsupported);
  EXPECT_EQ(host(host::Reset{}).error(), Errc::unsupported);
}

TEST(SkMiddleware, SaysWhyALibraryCannotBeLoaded) {
  HostProcess missing = HostProcess::middleware("/usr/lib/no-such-library.so");
  const Outcome outcome = missing(host::Describe{});
  EXPECT_EQ(outcome.error(), Errc::system);
  EXPECT_NE(outcome.text().find("no-such-library"), std::string::npos);
  EXPECT_EQ(missing.status(), 0);
  HostProcess other = HostProcess::middleware("libc.so.6");
  EXPECT_EQ(other(host::Describe{}).error(), Errc::unsupported);
}

}  // namespace
}  // namespace fob
