#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/table.h"
#include "cli/token_names.h"
#include "tests/unit/cli/fake_agent.h"
#include "tests/unit/cli/fob_process.h"
#include "tests/unit/cli/samples.h"

namespace fob::test {
namespace {

using control::Request;
using nlohmann::json;

FobOutcome run_with_agent(const std::vector<std::string>& arguments) {
  FakeAgent agent(serve_pkcs11);
  return run_fob(arguments, {agent.environment()});
}

TEST(Pkcs11Tokens, StandInOneTableWithTheOthers) {
  EXPECT_EQ(run_with_agent({"tokens"}).out,
            "TOKEN               DEVICE              PIN                     TYPES                 STATE\n"
            "fido:815            Example Key 5       set, 8 tries left       ecdsa-sk, ed25519-sk  ready\n"
            "pkcs11:serial=815   same device, PIV    wrong PIN typed before  ecdsa, rsa            ready\n"
            "pkcs11:token=work   work (SoftHSM v2)   set                     ecdsa, ed25519, rsa   ready\n"
            "pkcs11:token=spare  spare (SoftHSM v2)  set                     ecdsa, ed25519, rsa   ready\n");
}

TEST(Pkcs11Tokens, FitIntoAHundredColumns) {
  FakeAgent agent([](const Request&, Peer& peer) {
    control::Token fido = sample_token("fido:0009681620");
    fido.product = "Yubico YubiKey OTP+FIDO+CCID";
    fido.serial = "0009681620";
    control::Token piv = sample_piv_token();
    piv.id = "pkcs11:model=YubiKey%20YK5;serial=9681620;token=YubiKey%20PIV%20%239681620";
    piv.serial = "9681620";
    control::Token large = sample_pkcs11_token("A%20label%20of%20thirty-two%20characters", "0123456789abcdef");
    large.pkcs11->label = "A label of thirty-two characters";
    peer.send(control::Tokens{{fido, piv, large}});
  });
  const std::string out = run_fob({"tokens"}, {agent.environment()}).out;
  EXPECT_NE(out.find("  same device"), std::string::npos) << "zeros before the number do not matter\n" << out;
  EXPECT_NE(out.find("  A label of t...  "), std::string::npos) << out;
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = out.find('\n', begin)) != std::string::npos; begin = end + 1) {
    EXPECT_LE(cli::columns_of(out.substr(begin, end - begin)), 100U) << out;
  }
}

TEST(Pkcs11Tokens, AreOneDeviceByTheirSerialNumbersOnly) {
  const auto one_device = [](const std::string& a, const std::string& b) {
    return cli::are_one_device(sample_pkcs11_token("a", a), sample_pkcs11_token("b", b));
  };
  EXPECT_TRUE(one_device("815", "0815"));
  EXPECT_FALSE(one_device("815", "816"));
  EXPECT_FALSE(one_device("", ""));
  EXPECT_FALSE(one_device("0000", "0000")) << "no number at all";
  EXPECT_FALSE(one_device("0a", "a")) << "zeros count where it is no decimal number";
}

TEST(Pkcs11Tokens, KeepTheirOrderBesideTheirDevice) {
  const std::vector<control::Token> sorted =
      cli::by_device({sample_pkcs11_token("a", "1"), sample_token("fido:hidraw3"), sample_pkcs11_token("b", "2"),
                      sample_pkcs11_token("c", "815"), sample_pkcs11_token("d", "")});
  std::vector<std::string> labels;
  for (const control::Token& token : sorted) labels.push_back(token.pkcs11 ? token.pkcs11->label : token.id);
  EXPECT_EQ(labels, (std::vector<std::string>{"a", "fido:hidraw3", "c", "b", "d"}));
}

TEST(Pkcs11Tokens, ShowMoreWhenAsked) {
  const std::string out = run_with_agent({"tokens", "-v"}).out;
  EXPECT_NE(out.find("\npkcs11:token=work\n"
                     "  URI         pkcs11:model=SoftHSM%20v2;manufacturer=SoftHSM%20project;serial=70a1;token=work\n"
                     "  product     SoftHSM project SoftHSM v2\n"
                     "  serial      70a1\n"
                     "  module      /usr/lib/softhsm/libsofthsm2.so\n"
                     "  label       work\n"
                     "  maker       SoftHSM project\n"
                     "  model       SoftHSM v2\n"
                     "  slot        SoftHSM slot ID 0x1\n"
                     "  firmware    2.6\n"
                     "  types       ecdsa, ecdsa-p384, ecdsa-p521, ed25519, rsa of 1024 to 16384 bits\n"
                     "  PIN         4 to 255 bytes\n"),
            std::string::npos)
      << out;
}

TEST(Pkcs11Tokens, AreJson) {
  const json out = json::parse(run_with_agent({"tokens", "--json"}).out);
  ASSERT_EQ(out.size(), 4U);
  EXPECT_EQ(out[2]["kind"], "fido2");
  EXPECT_EQ(out[2]["resident_keys_left"], 25);
  const json& piv = out[0];
  EXPECT_EQ(piv["kind"], "pkcs11");
  EXPECT_EQ(piv["on"], "pkcs11:serial=815");
  EXPECT_EQ(piv["uri"], piv["id"]);
  EXPECT_EQ(piv["label"], "YubiKey PIV #815");
  EXPECT_EQ(piv["piv"], true);
  EXPECT_EQ(piv["types"], (json{"ecdsa", "ecdsa-p384", "rsa"}));
  EXPECT_EQ(piv["pin"]["wrong_before"], true);
  EXPECT_EQ(piv["pin"]["tries_left"], nullptr);
  EXPECT_EQ(out[1]["path"], "/usr/lib/softhsm/libsofthsm2.so");
}

TEST(Pkcs11Tokens, ShowTheirTextsMadePrintable) {
  FakeAgent agent([](const Request&, Peer& peer) {
    control::Token token = sample_pkcs11_token("x", "");
    token.product = token.fault = "evil\x1b[2J";
    peer.send(control::Tokens{{token}});
  });
  for (const char* command : {"tokens", "pin"}) {
    std::vector<std::string> line{command};
    if (line[0] == "pin") line.emplace_back("status");
    const FobOutcome outcome = run_fob(line, {agent.environment()});
    EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
    EXPECT_NE(outcome.out.find("evil?[2J"), std::string::npos) << outcome.out;
  }
}

TEST(Pkcs11Pin, StatusIsThatOfTheTokenMeant) {
  EXPECT_EQ(run_with_agent({"pin", "status", "--on", "pkcs11:token=YubiKey%20PIV%20%23815"}).out,
            "TOKEN              PRODUCT             PIN\n"
            "pkcs11:serial=815  Yubico YubiKey YK5  wrong PIN typed before\n");
  EXPECT_NE(run_with_agent({"pin", "status", "--on", "fido"}).out.find("fido:815"), std::string::npos);
  const FobOutcome several = run_with_agent({"pin", "status", "--on", "pkcs11:model=SoftHSM%20v2;manufacturer="});
  EXPECT_NE(several.err.find("no token pkcs11:model=SoftHSM%20v2;manufacturer= is plugged in"), std::string::npos);
  EXPECT_EQ(run_with_agent({"pin", "status", "--on", "pkcs11:model=SoftHSM%20v2"}).err,
            "fob: several tokens are plugged in: name one with --on: pkcs11:serial=815, pkcs11:token=work, "
            "pkcs11:token=spare\n");
}

}  // namespace
}  // namespace fob::test
