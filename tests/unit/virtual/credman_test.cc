#include <gtest/gtest.h>

#include "tests/unit/virtual/host.h"

namespace fob::virt {
namespace {

/// Credential management by libfido2: with CTAP 2.1's command, and with the preview of before.
class Credman : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    ASSERT_EQ(fido_dev_set_pin(dev(), pin.c_str(), nullptr), FIDO_OK);
    add("ssh:", "alice", COSE_ES256, 0);
    add("ssh:", "bob", COSE_EDDSA, FIDO_CRED_PROT_UV_REQUIRED);
    add("ssh:other", "alice", COSE_ES256, 0);
  }

  fido_dev_t* dev() { return plug_.dev(); }
  void add(const std::string& rp_id, const std::string& user, int alg, int protection) {
    Cred cred;
    ASSERT_EQ(make(dev(),
                   {.alg = alg,
                    .resident = true,
                    .protection = protection,
                    .rp_id = rp_id,
                    .user_id = user,
                    .pin_text = pin.c_str()},
                   cred),
              FIDO_OK);
    made_.push_back(std::move(cred));
  }
  std::unique_ptr<fido_credman_rk_t, FidoDeleter> list(const std::string& rp_id) {
    std::unique_ptr<fido_credman_rk_t, FidoDeleter> out(fido_credman_rk_new());
    EXPECT_EQ(fido_credman_get_dev_rk(dev(), rp_id.c_str(), out.get(), pin.c_str()), FIDO_OK);
    return out;
  }

  Authenticator token_{Personality{.ctap21 = GetParam()}};
  Plug plug_{token_};
  std::vector<Cred> made_;
};

TEST_P(Credman, Lists) {
  const std::unique_ptr<fido_credman_metadata_t, FidoDeleter> metadata(fido_credman_metadata_new());
  ASSERT_EQ(fido_credman_get_dev_metadata(dev(), metadata.get(), pin.c_str()), FIDO_OK);
  EXPECT_EQ(fido_credman_rk_existing(metadata.get()), 3U);
  EXPECT_EQ(fido_credman_rk_remaining(metadata.get()), 22U);

  const std::unique_ptr<fido_credman_rp_t, FidoDeleter> rps(fido_credman_rp_new());
  ASSERT_EQ(fido_credman_get_dev_rp(dev(), rps.get(), pin.c_str()), FIDO_OK);
  ASSERT_EQ(fido_credman_rp_count(rps.get()), 2U);
  EXPECT_STREQ(fido_credman_rp_id(rps.get(), 0), "ssh:");
  EXPECT_STREQ(fido_credman_rp_id(rps.get(), 1), "ssh:other");

  const auto credentials = list("ssh:");
  ASSERT_EQ(fido_credman_rk_count(credentials.get()), 2U);
  const fido_cred_t* second = fido_credman_rk(credentials.get(), 1);
  EXPECT_EQ(id_of(second), id_of(made_[1].get()));
  EXPECT_EQ(fido_cred_type(second), COSE_EDDSA);
  EXPECT_EQ(fido_cred_prot(second), FIDO_CRED_PROT_UV_REQUIRED);
  EXPECT_EQ(as_text({fido_cred_user_id_ptr(second), fido_cred_user_id_len(second)}), "bob");
  Assert assertion;
  ASSERT_EQ(get(dev(), id_of(second), {.pin_text = pin.c_str()}, assertion), FIDO_OK);
  EXPECT_EQ(verify(assertion.get(), second), FIDO_OK);
}

TEST_P(Credman, Deletes) {
  const Bytes id = id_of(made_[0].get());
  ASSERT_EQ(fido_credman_del_dev_rk(dev(), id.data(), id.size(), pin.c_str()), FIDO_OK);
  EXPECT_EQ(fido_credman_rk_count(list("ssh:").get()), 1U);
  EXPECT_EQ(fido_credman_del_dev_rk(dev(), id.data(), id.size(), pin.c_str()), FIDO_ERR_NO_CREDENTIALS);
  Assert assertion;
  EXPECT_EQ(get(dev(), id, {.pin_text = pin.c_str()}, assertion), FIDO_ERR_NO_CREDENTIALS);
}

TEST_P(Credman, RenamesTheUser) {
  Cred changed(fido_cred_new());
  const Bytes id = id_of(made_[0].get());
  fido_cred_set_id(changed.get(), id.data(), id.size());
  const ByteView user = as_bytes("alice");
  fido_cred_set_user(changed.get(), user.data(), user.size(), "new name", "new display name", nullptr);
  ASSERT_EQ(fido_credman_set_dev_rk(dev(), changed.get(), pin.c_str()), FIDO_OK);
  const auto credentials = list("ssh:");
  EXPECT_STREQ(fido_cred_user_name(fido_credman_rk(credentials.get(), 0)), "new name");
  EXPECT_STREQ(fido_cred_display_name(fido_credman_rk(credentials.get(), 0)), "new display name");
}

TEST_P(Credman, WantsThePin) {
  const std::unique_ptr<fido_credman_rp_t, FidoDeleter> rps(fido_credman_rp_new());
  EXPECT_EQ(fido_credman_get_dev_rp(dev(), rps.get(), "0000"), FIDO_ERR_PIN_INVALID);
  EXPECT_NE(fido_credman_get_dev_rp(dev(), rps.get(), nullptr), FIDO_OK);
}

INSTANTIATE_TEST_SUITE_P(Commands, Credman, testing::Bool(), [](const testing::TestParamInfo<bool>& test) {
  return std::string(test.param ? "Ctap21" : "Preview");
});

TEST(CredmanAbsent, Refused) {
  Authenticator token({.credential_management = false});
  Plug plug(token);
  ASSERT_EQ(fido_dev_set_pin(plug.dev(), pin.c_str(), nullptr), FIDO_OK);
  EXPECT_FALSE(fido_dev_supports_credman(plug.dev()));
  const std::unique_ptr<fido_credman_rp_t, FidoDeleter> rps(fido_credman_rp_new());
  EXPECT_NE(fido_credman_get_dev_rp(plug.dev(), rps.get(), pin.c_str()), FIDO_OK);
}

}  // namespace
}  // namespace fob::virt
