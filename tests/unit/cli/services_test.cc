#include "cli/services.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "protocol/error.h"
#include "tests/daemon/temp_dir.h"
#include "tests/unit/cli/vault_runs.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::cli {
namespace {

using test::error_of;

/// Without services of whoever runs this.
class Services : public testing::Test {
 protected:
  Services() { setenv("XDG_CONFIG_HOME", "/nonexistent", 1); }
};

/// What parse_services says of one entry with these lines.
std::string complaint(const std::string& lines) {
  try {
    parse_services("own.toml", "[x]\ntitle = \"X\"\npaste = \"there\"\n" + lines);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST_F(Services, AreThoseThatPeopleAskFor) {
  EXPECT_EQ(service_named("github").first_kind(false), KeyKind::ed25519);
  EXPECT_TRUE(service_named("gitlab").accepts(KeyKind::sk_ecdsa_p256));
  EXPECT_FALSE(service_named("bitbucket").first_kind(true));
  EXPECT_EQ(service_named("enscale").kinds, std::vector<KeyKind>{KeyKind::rsa});
  EXPECT_TRUE(service_named("clever-cloud").one_account);
  EXPECT_EQ(service_named("authorized-keys").public_format, PublicKeyFormat::openssh);
  const Service jasmin = service_named("jasmin");
  EXPECT_EQ(jasmin.kinds[0], KeyKind::ecdsa_p521);
  EXPECT_EQ(jasmin.private_format, KeyFileFormat::pem);
  EXPECT_EQ(jasmin.passphrase, Service::Passphrase::required);
  EXPECT_FALSE(jasmin.hands_over);
  const Service pipelines = service_named("bitbucket-pipelines");
  EXPECT_EQ(pipelines.passphrase, Service::Passphrase::none);
  EXPECT_TRUE(pipelines.hands_over);
  const Service seqera = service_named("seqera");
  EXPECT_EQ(seqera.private_format, KeyFileFormat::openssh);
  EXPECT_TRUE(seqera.hands_over);
}

TEST_F(Services, SayWhichThereAre) {
  try {
    service_named("nowhere");
    FAIL();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(error.code(), Errc::not_found);
    EXPECT_NE(
        text.find("authorized-keys, bitbucket, bitbucket-pipelines, clever-cloud, enscale, github, gitlab, jasmin,"
                  " seqera"),
        std::string::npos)
        << text;
  }
}

TEST_F(Services, AreReadFieldByField) {
  const auto services = parse_services("own.toml", R"([home]
title = "Home"
types = ["rsa", "ecdsa-sk"]
rsa_bits = 2048
rsa_min_bits = 2048
public = "rfc4716"
private = "ppk"
passphrase = "none"
hands_over = true
file = "~/x"
one_account = true
label_also = "-"
label_bytes = 9
paste = "there"
test = "ssh home"
notes = "none"
)");
  ASSERT_EQ(services.size(), 1U);
  const Service& home = services[0];
  EXPECT_EQ(home.name, "home");
  EXPECT_EQ(home.title, "Home");
  EXPECT_EQ(home.kinds, (std::vector<KeyKind>{KeyKind::rsa, KeyKind::sk_ecdsa_p256}));
  EXPECT_EQ(home.rsa_bits, 2048U);
  EXPECT_EQ(home.public_format, PublicKeyFormat::rfc4716);
  EXPECT_EQ(home.private_format, KeyFileFormat::ppk);
  EXPECT_EQ(home.passphrase, Service::Passphrase::none);
  EXPECT_EQ(home.file, "~/x");
  EXPECT_EQ(home.test, "ssh home");
  EXPECT_EQ(home.notes, "none");
  EXPECT_EQ(label_for(home, "a.b_c-d.e.f.g"), "a-b-c-d-e");
}

TEST_F(Services, SayWhereAFieldIsWrong) {
  const std::string types = "types = [\"rsa\"]\n";
  EXPECT_EQ(complaint(types), "");
  EXPECT_EQ(complaint(""), "own.toml:1: x.types is missing");
  EXPECT_EQ(complaint("types = []\n"), "own.toml:4: x.types is empty");
  EXPECT_EQ(complaint("types = \"rsa\"\n"), "own.toml:4: x.types wants a list of types");
  EXPECT_TRUE(complaint("types = [\n\"dsa\"]\n").starts_with("own.toml:5: x.types has \"dsa\", wanted of: ed25519"));
  EXPECT_TRUE(complaint("types = [7]\n").starts_with("own.toml:4: x.types has \"\""));
  EXPECT_EQ(complaint(types + "tipes = 1\n"), "own.toml:5: x.tipes is unknown");
  EXPECT_EQ(complaint(types + "rsa_bits = 512\n"), "own.toml:5: x.rsa_bits is 512, wanted a number from 2048 to 4096");
  EXPECT_EQ(complaint(types + "rsa_bits = -1\n"), "own.toml:5: x.rsa_bits is -1, wanted a number from 2048 to 4096");
  EXPECT_EQ(complaint(types + "rsa_bits = \"2048\"\n"), "own.toml:5: x.rsa_bits wants a number from 2048 to 4096");
  EXPECT_EQ(complaint(types + "rsa_min_bits = 4096\n"), "own.toml:1: x.rsa_bits is less than rsa_min_bits");
  EXPECT_EQ(complaint(types + "public = \"ppk\"\n"),
            "own.toml:5: x.public is \"ppk\", wanted one of: openssh, pem, rfc4716");
  EXPECT_EQ(complaint(types + "one_account = \"yes\"\n"), "own.toml:5: x.one_account wants true or false");
  EXPECT_EQ(complaint(types + "hands_over = true\n"),
            "own.toml:5: x.hands_over wants that private says in which format");
  EXPECT_EQ(complaint(types + "private = \"pem\"\n"), "own.toml:1: x.file is missing");
  EXPECT_EQ(complaint("types = [\"ecdsa-sk\"]\nprivate = \"openssh\"\nfile = \"~/x\"\n"),
            "own.toml:4: x.types has types of FIDO2 tokens only, and private wants another");
  EXPECT_EQ(complaint(types + "notes = \"a\\u001b[2Jb\"\n"),
            "own.toml:5: x.notes holds something that is not printable");
  EXPECT_EQ(complaint(types + "notes = \"" + std::string(2000, 'a') + "\"\n"),
            "own.toml:5: x.notes has 2000 bytes, at most 1024 are allowed");
}

TEST_F(Services, TakeNothingElseForAList) {
  const auto code = [](const std::string& text) { return error_of([&] { parse_services("own.toml", text); }); };
  EXPECT_EQ(parse_services("own.toml", "").size(), 0U);
  EXPECT_EQ(code("x = 1\n"), Errc::malformed);
  EXPECT_EQ(code("[[x]]\n"), Errc::malformed);
  EXPECT_EQ(code("[\"a/b\"]\n"), Errc::malformed);
  EXPECT_EQ(code("[\"-a\"]\n"), Errc::malformed);
  EXPECT_EQ(code("[x\n"), Errc::malformed);
  EXPECT_EQ(code("\xff\xfe"), Errc::malformed);
  EXPECT_EQ(code("x" + std::string(5000, '.')), Errc::malformed);
}

TEST_F(Services, HaveOneNotationForPlaces) {
  const Service github = service_named("github");
  EXPECT_EQ(place_at(github, ""), "github");
  EXPECT_EQ(place_at(github, "alice@example.com"), "github/alice@example.com");
  EXPECT_EQ(error_of([&] { place_at(github, "a\nb"); }), Errc::malformed);
  EXPECT_EQ(error_of([&] { place_at(github, std::string(500, 'a')); }), Errc::malformed);
  control::Key key;
  key.services = {"desk", "github-enterprise/bob", "github/alice"};
  EXPECT_EQ(place_of_other_account(key, github, "bob"), "github/alice");
  EXPECT_EQ(place_of_other_account(key, github, "alice"), "");
  EXPECT_EQ(place_of_other_account(key, service_named("enscale"), "bob"), "");
}

TEST_F(Services, RefuseOtherTypesWithThoseThatWouldDo) {
  const Service enscale = service_named("enscale");
  check_accepted(enscale, KeyKind::rsa, 2048);
  EXPECT_EQ(error_of([&] { check_accepted(enscale, KeyKind::rsa, 1024); }), Errc::unsupported);
  try {
    check_accepted(enscale, KeyKind::ed25519, 0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "Enscale takes no keys of the type ed25519, but of: rsa");
  }
}

}  // namespace
}  // namespace fob::cli

namespace fob::test {
namespace {

/// `fob public safe --for SERVICE` with an own services.toml that holds `text`.
FobOutcome run_with_own(const TempDir& folder, const std::string& text, const std::string& service) {
  run({"mkdir", "-p", folder.file("fob")});
  write_file(folder.file("fob/services.toml"), text);
  FakeAgent agent(serve_vault);
  return run_fob({"new", "work", "--for", service}, {agent.environment(), "XDG_CONFIG_HOME=" + folder.path()});
}

TEST(OwnServices, JoinAndReplaceThoseOfTheProgram) {
  const TempDir folder;
  const std::string text =
      "[home]\ntitle = \"Home\"\ntypes = [\"rsa\"]\npaste = \"the hall\"\n"
      "[github]\ntitle = \"Our GitHub\"\ntypes = [\"ecdsa\"]\npaste = \"the yard\"\n";
  EXPECT_NE(run_with_own(folder, text, "home").out.find("Next, for Home:\n"), std::string::npos);
  EXPECT_NE(run_with_own(folder, text, "github").out.find("the yard"), std::string::npos);
  EXPECT_NE(run_with_own(folder, text, "gitlab").out.find("Next, for GitLab:\n"), std::string::npos);
  const FobOutcome outcome = run_with_own(folder, text, "elsewhere");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find("github, gitlab, home, jasmin"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("others go into " + folder.file("fob/services.toml")), std::string::npos) << outcome.err;
}

TEST(OwnServices, SayWhatIsWrongWithTheFile) {
  const TempDir folder;
  const std::string path = folder.file("fob/services.toml");
  EXPECT_NE(run_with_own(folder, "[home]\ntitle = 1\n", "github").err.find(path + ":2: home.title wants a text"),
            std::string::npos);
  EXPECT_NE(run_with_own(folder, std::string(70'000, '#'), "github").err.find("at most 65536 are read"),
            std::string::npos);
  run({"rm", path});
  run({"mkfifo", path});
  FakeAgent agent(serve_vault);
  const FobOutcome fifo =
      run_fob({"new", "work", "--for", "github"}, {agent.environment(), "XDG_CONFIG_HOME=" + folder.path()});
  EXPECT_EQ(fifo.status, 2);
  EXPECT_NE(fifo.err.find("is no regular file"), std::string::npos) << fifo.err;
  EXPECT_EQ(agent.requests(), 0U);
}

}  // namespace
}  // namespace fob::test
