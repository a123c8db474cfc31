#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "tests/unit/cli/fake_agent.h"
#include "tests/unit/cli/fob_process.h"
#include "tests/unit/cli/samples.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::test {
namespace {

using control::Request;
using nlohmann::json;

struct X509Deleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using Certificate = std::unique_ptr<X509, X509Deleter>;

/// An agent whose key "work" is `public_key` of tests/data, and whose token attests with `certificates` of it.
FakeAgent::Handle attesting(const std::string& public_key, const std::vector<std::string>& certificates) {
  return [=](const Request& request, Peer& peer) {
    if (std::holds_alternative<control::ListKeys>(request)) {
      return peer.send(control::Keys{false, {sample_pkcs11_key("work", public_key)}});
    }
    EXPECT_EQ(std::get<control::AttestKey>(request).name, "work");
    control::Attested out;
    for (const std::string& name : certificates) {
      out.certificates.push_back(to_bytes(as_bytes(read_data("attestation/" + name))));
    }
    peer.send(out);
  };
}

FobOutcome run_attesting(const FakeAgent::Handle& handle, const std::vector<std::string>& options = {}) {
  FakeAgent agent(handle);
  std::vector<std::string> line{"attest", "work"};
  line.insert(line.end(), options.begin(), options.end());
  return run_fob(line, {agent.environment()});
}

TEST(Attest, PrintsCertificatesAsPem) {
  const FobOutcome outcome = run_attesting(attesting("key_files/software_p256.pub", {"key.der", "issuer.der"}));
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("is not checked"), std::string::npos);
  const std::unique_ptr<BIO, X509Deleter> bio(
      BIO_new_mem_buf(outcome.out.data(), static_cast<int>(outcome.out.size())));
  const Certificate key(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  const Certificate issuer(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ASSERT_TRUE(key && issuer);
  EXPECT_EQ(X509_verify(key.get(), X509_get0_pubkey(issuer.get())), 1);
  EXPECT_EQ(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), nullptr) << "and no more";
}

TEST(Attest, WritesAFile) {
  const TempDir folder;
  const std::string path = folder.file("chain");
  const auto handle = attesting("key_files/software_p256.pub", {"key.der", "issuer.der"});
  const FobOutcome outcome = run_attesting(handle, {"-o", path});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(read_file(path), run_attesting(handle).out);
  EXPECT_EQ(outcome.out, "Written: " + path + "\n");
  const FobOutcome again = run_attesting(handle, {"-o", path});
  EXPECT_EQ(again.status, 1);
  EXPECT_NE(again.err.find("is there already"), std::string::npos);
}

TEST(Attest, IsJsonThatClaimsNoMoreThanWasChecked) {
  const FobOutcome outcome =
      run_attesting(attesting("key_files/software_p256.pub", {"key.der", "issuer.der"}), {"--json"});
  const json out = json::parse(outcome.out);
  EXPECT_EQ(out["name"], "work");
  EXPECT_EQ(out["issuers_checked"], false);
  ASSERT_EQ(out["certificates"].size(), 2U);
  EXPECT_EQ(as_text(from_base64(out["certificates"][1].get<std::string>())), read_data("attestation/issuer.der"));
}

TEST(Attest, TakesEachTypeOfKey) {
  EXPECT_EQ(run_attesting(attesting("key_files/software_rsa.pub", {"rsa.der"})).status, 0);
  EXPECT_EQ(run_attesting(attesting("attestation/ed25519.pub", {"ed25519.der"})).status, 0);
}

TEST(Attest, RefusesCertificatesOfOtherKeysAndWhatIsNone) {
  const auto failure = [](const FakeAgent::Handle& handle) {
    const FobOutcome outcome = run_attesting(handle);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  const std::string key = "key_files/software_p256.pub";
  EXPECT_NE(failure(attesting(key, {"issuer.der", "key.der"})).find("another key"), std::string::npos);
  EXPECT_NE(failure(attesting(key, {"rsa.der"})).find("another key"), std::string::npos);
  EXPECT_NE(failure(attesting(key, {"make.sh"})).find("no X.509"), std::string::npos);
  EXPECT_NE(failure(attesting(key, {"key.der", "make.sh"})).find("no X.509"), std::string::npos);
  EXPECT_NE(failure(attesting(key, {})).find("attests nothing"), std::string::npos);
}

}  // namespace
}  // namespace fob::test
