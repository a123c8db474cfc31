#include "protocol/signed_data.h"

#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using test::from_hex;

/// What a recorded request asks to be signed.
Bytes data_of(const std::string& name) {
  Reader in(test::message(name));
  in.u8();
  in.string();
  return to_bytes(in.string());
}

Bytes key_of(const std::string& name) {
  Reader in(test::message(name));
  in.u8();
  return to_bytes(in.string());
}

template <class Kind>
bool is(ByteView data) {
  return std::holds_alternative<Kind>(describe(data));
}

const std::vector<std::string> certificate_requests{"issue_rsa",        "issue_ecdsa_p256", "issue_ecdsa_p384",
                                                    "issue_ecdsa_p521", "issue_ed25519",    "issue_sk_ecdsa",
                                                    "issue_sk_ed25519", "issue_host"};

/// A login request by its parts (RFC 4252 §7), to be bent.
struct Login {
  Bytes session_id = Bytes(32, 1);
  std::uint8_t type = 50;
  std::string user = "alice";
  std::string service = "ssh-connection";
  std::string method = "publickey";
  std::uint8_t signature_follows = 1;
  std::string algorithm = "ssh-ed25519";
  Bytes key = test::public_key_blob("messages/host.pub");
  bool with_host_key = false;

  Bytes data() const {
    Writer out;
    out.string(session_id).u8(type).string(user).string(service).string(method).u8(signature_follows);
    out.string(algorithm).string(key);
    if (with_host_key) out.string("host key");
    return out.take();
  }
};

Bytes bent(const std::function<void(Login&)>& change) {
  Login login;
  change(login);
  return login.data();
}

void expect_unknown_if_cut_or_longer(ByteView data) {
  for (std::size_t size = 0; size < data.size(); ++size) {
    const Bytes prefix = to_bytes(data.first(size));
    EXPECT_TRUE(is<UnknownData>(prefix)) << size;
  }
  Bytes longer = to_bytes(data);
  longer.push_back(0);
  EXPECT_TRUE(is<UnknownData>(longer));
}

TEST(Describe, KnowsLoginBoundToAHost) {
  const Bytes data = data_of("login.3.request");
  const SignedData described = describe(data);
  const auto& login = std::get<UserAuthentication>(described);
  EXPECT_EQ(login.user, "root");
  EXPECT_EQ(login.service, "ssh-connection");
  EXPECT_EQ(login.algorithm, "ssh-ed25519");
  EXPECT_EQ(login.session_id.size(), 64U);
  EXPECT_TRUE(equal(login.key_blob, key_of("login.3.request")));
  EXPECT_TRUE(equal(*login.host_key_blob, test::public_key_blob("messages/host.pub")));
  EXPECT_EQ(sentence(described), "log in as root");
  expect_unknown_if_cut_or_longer(data);
}

TEST(Describe, KnowsPlainLogin) {
  const Bytes data = data_of("login_unbound.3.request");
  EXPECT_FALSE(std::get<UserAuthentication>(describe(data)).host_key_blob);
  expect_unknown_if_cut_or_longer(data);
}

TEST(Describe, KnowsRsaLogin) {
  const Bytes data = data_of("login_forward.3.request");
  EXPECT_EQ(std::get<UserAuthentication>(describe(data)).algorithm, "rsa-sha2-512");
}

TEST(Describe, KnowsFileSignature) {
  const Bytes data = data_of("sshsig.request");
  const SignedData described = describe(data);
  const auto& file = std::get<SshsigMessage>(described);
  EXPECT_EQ(file.signature_namespace, "file");
  EXPECT_EQ(file.hash_algorithm, "sha512");
  EXPECT_EQ(file.hash.size(), 64U);
  EXPECT_EQ(sentence(described), "sign for file");
  expect_unknown_if_cut_or_longer(data);
}

TEST(Describe, KnowsHostKeyProof) {
  const Bytes data = data_of("login.4.request");
  const SignedData described = describe(data);
  const auto& proof = std::get<HostKeyProof>(described);
  EXPECT_TRUE(equal(proof.host_key_blob, test::public_key_blob("messages/host2.pub")));
  EXPECT_EQ(proof.session_id.size(), 64U);
  EXPECT_EQ(sentence(described), "prove a host key");
  expect_unknown_if_cut_or_longer(data);
}

TEST(Describe, KnowsCertificatesOfEveryKind) {
  for (const std::string& name : certificate_requests) {
    SCOPED_TRACE(name);
    const Bytes data = data_of(name + ".request");
    const SignedData described = describe(data);
    const auto& request = std::get<CertificateRequest>(described);
    const bool host = name == "issue_host";
    EXPECT_EQ(request.type, host ? Certificate::Type::host : Certificate::Type::user);
    EXPECT_EQ(request.key_id, host ? "host id" : "id of " + name.substr(sizeof("issue_") - 1));
    EXPECT_TRUE(request.type_name.ends_with("-cert-v01@openssh.com"));
    expect_unknown_if_cut_or_longer(data);
  }
  EXPECT_EQ(sentence(describe(data_of("issue_host.request"))), "issue a host certificate for host id");
  EXPECT_EQ(sentence(describe(data_of("issue_rsa.request"))), "issue a user certificate for id of rsa");
}

/// What the CA signed of OpenSSH's certificates, ML-DSA among them.
TEST(Describe, KnowsSignedPartOfCertificates) {
  for (const auto& [name, blob] : test::all_key_blobs()) {
    const PublicKey key = PublicKey::parse(blob);
    if (!key.is_certificate()) continue;
    const ByteView data = ByteView(key.blob).first(key.certificate->signed_bytes);
    const SignedData described = describe(data);
    ASSERT_TRUE(std::holds_alternative<CertificateRequest>(described)) << name;
    EXPECT_EQ(std::get<CertificateRequest>(described).type, key.certificate->type) << name;
    EXPECT_EQ(std::get<CertificateRequest>(described).key_id, key.certificate->key_id) << name;
  }
}

TEST(Describe, TakesTheRestForUnknown) {
  // A key exchange hash that sshd signs, and what ssh-add -T makes up.
  EXPECT_TRUE(is<UnknownData>(data_of("login.request")));
  EXPECT_TRUE(is<UnknownData>(data_of("test_ed25519.request")));
  EXPECT_TRUE(is<UnknownData>({}));
  EXPECT_TRUE(is<UnknownData>(as_bytes("SSHSIG")));
  EXPECT_TRUE(is<UnknownData>(as_bytes("SSHSI")));
  EXPECT_TRUE(is<UnknownData>(Bytes(300'000, 0xff)));
  EXPECT_TRUE(is<UnknownData>(Bytes(300'000, 0)));
  EXPECT_EQ(sentence(UnknownData{}), "sign unknown data");
}

TEST(Describe, TakesNothingElseForALogin) {
  EXPECT_TRUE(is<UserAuthentication>(bent([](Login&) {})));
  EXPECT_TRUE(is<UserAuthentication>(bent([](Login& l) { l.service = "ssh-userauth"; })));
  EXPECT_TRUE(is<UnknownData>(bent([](Login& l) { l.session_id.clear(); })));
  EXPECT_TRUE(is<UnknownData>(bent([](Login& l) { l.type = 51; })));
  EXPECT_TRUE(is<UnknownData>(bent([](Login& l) { l.method = "hostbased"; })));
  EXPECT_TRUE(is<UnknownData>(bent([](Login& l) { l.signature_follows = 0; })));
  EXPECT_TRUE(is<UnknownData>(bent([](Login& l) { l.signature_follows = 2; })));
  EXPECT_TRUE(is<UnknownData>(bent([](Login& l) { l.user = std::string("a\0b", 3); })));
  EXPECT_TRUE(is<UnknownData>(bent([](Login& l) { l.with_host_key = true; })));
  EXPECT_TRUE(is<UnknownData>(bent([](Login& l) { l.method = "publickey-hostbound-v00@openssh.com"; })));
  EXPECT_TRUE(is<UserAuthentication>(bent([](Login& l) {
    l.method = "publickey-hostbound-v00@openssh.com";
    l.with_host_key = true;
  })));
}

TEST(Describe, TakesNothingElseForACertificate) {
  Bytes data = data_of("issue_ed25519.request");
  const CertificateRequest request = std::get<CertificateRequest>(describe(data));
  // The type stands before the key id's length.
  const auto type_end = static_cast<std::size_t>(as_bytes(request.key_id).data() - data.data()) - 4;
  for (const std::uint8_t type : from_hex("000304")) {
    data[type_end - 1] = type;
    EXPECT_TRUE(is<UnknownData>(data));
  }
}

TEST(Sentence, HidesControlCharacters) {
  const Bytes data = bent([](Login& l) { l.user = "root\x1b[2J\n"; });
  EXPECT_EQ(sentence(describe(data)), "log in as root?[2J?");
}

TEST(UserAuthenticationWith, TakesLoginsWithThisKey) {
  for (const char* name : {"login.3.request", "login_unbound.3.request", "login_forward.3.request"}) {
    const PublicKey key = PublicKey::parse(key_of(name));
    const Bytes data = data_of(name);
    const auto login = user_authentication_with(key, data);
    ASSERT_TRUE(login) << name;
    EXPECT_EQ(login->user, "root");
    EXPECT_FALSE(user_authentication_with(test::public_key("messages/ca.pub"), data)) << name;
  }
}

TEST(UserAuthenticationWith, RefusesOtherServicesAndData) {
  const PublicKey key = test::public_key("messages/host.pub");
  const auto accepts = [&](const std::function<void(Login&)>& change) {
    return user_authentication_with(key, bent(change)).has_value();
  };
  EXPECT_TRUE(accepts([](Login&) {}));
  EXPECT_FALSE(accepts([](Login& l) { l.service = "ssh-userauth"; }));
  EXPECT_FALSE(accepts([](Login& l) { l.service = "ssh-connection "; }));
  EXPECT_FALSE(accepts([](Login& l) { l.key = test::public_key_blob("messages/host2.pub"); }));
  EXPECT_FALSE(accepts([](Login& l) { l.type = 51; }));
  EXPECT_FALSE(user_authentication_with(key, data_of("sshsig.request")));
  EXPECT_FALSE(user_authentication_with(key, data_of("issue_host.request")));
  EXPECT_FALSE(user_authentication_with(key, {}));
}

/// RFC 8332 §2 and OpenSSH's names for certificates.
TEST(UserAuthenticationWith, TakesAlgorithmsOfTheKeysType) {
  const auto accepts = [](const std::string& key_file, const std::string& algorithm) {
    const PublicKey key = test::public_key(key_file);
    const Bytes data = bent([&](Login& l) {
      l.key = key.blob;
      l.algorithm = algorithm;
    });
    return user_authentication_with(key, data).has_value();
  };
  const std::string rsa = "openssh/sshkey/rsa_1.pub";
  const std::string rsa_certificate = "openssh/sshkey/rsa_1-cert.pub";
  for (const char* name : {"ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"}) {
    EXPECT_TRUE(accepts(rsa, name)) << name;
    EXPECT_FALSE(accepts(rsa_certificate, name)) << name;
    EXPECT_FALSE(accepts("messages/host.pub", name)) << name;
    const std::string certificate = std::string(name) + "-cert-v01@openssh.com";
    EXPECT_TRUE(accepts(rsa_certificate, certificate)) << certificate;
    EXPECT_FALSE(accepts(rsa, certificate)) << certificate;
  }
  EXPECT_TRUE(accepts("certificates/user-cert.pub", "ssh-ed25519-cert-v01@openssh.com"));
  EXPECT_FALSE(accepts("certificates/user-cert.pub", "ssh-ed25519"));
  EXPECT_FALSE(accepts("messages/host.pub", "ssh-ed25519-cert-v01@openssh.com"));
  EXPECT_FALSE(accepts("messages/host.pub", ""));
}

}  // namespace
}  // namespace fob
