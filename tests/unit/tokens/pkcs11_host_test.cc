#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/unit/tokens/soft_hsm.h"

namespace fob {
namespace {

using test::HostProcess;
using test::HsmBench;
using test::SoftHsm;

/// How a host ends that has nobody to talk to any more.
void expect_proper_end(HostProcess& host) {
  host.leave();
  const std::optional<int> status = host.status();
  ASSERT_TRUE(status);
  EXPECT_TRUE(WIFEXITED(*status)) << *status;
  EXPECT_EQ(WEXITSTATUS(*status), 0);
}

TEST(Pkcs11Host, EndsWithTheAgent) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  EXPECT_FALSE(bench.sign(key, "data").error());
  expect_proper_end(bench.host);
}

TEST(Pkcs11Host, SaysWhyItHasNoModule) {
  HostProcess missing = HostProcess::pkcs11("/nowhere/module.so");
  const auto failed = missing(host::ListTokens{"pkcs11:"});
  EXPECT_EQ(failed.error(), Errc::system);
  EXPECT_NE(failed.text().find("cannot load /nowhere/module.so"), std::string::npos) << failed.text();
  HostProcess other = HostProcess::pkcs11("/usr/lib/x86_64-linux-gnu/libcrypto.so.3");
  if (std::filesystem::exists("/usr/lib/x86_64-linux-gnu/libcrypto.so.3")) {
    const auto none = other(host::ListTokens{"pkcs11:"});
    EXPECT_EQ(none.error(), Errc::unsupported);
    EXPECT_NE(none.text().find("is no PKCS#11 module"), std::string::npos) << none.text();
  }
}

TEST(Pkcs11Host, WantsAnAbsolutePath) {
  HostProcess host = HostProcess::pkcs11("libsofthsm2.so");
  const std::optional<int> status = host.status();
  ASSERT_TRUE(status && WIFEXITED(*status));
  EXPECT_EQ(WEXITSTATUS(*status), 2);
}

/// A PIN in a URI is refused before the host gets it: pkcs11_message_test.cc.
TEST(Pkcs11Host, RefusesLibrariesByUri) {
  HsmBench bench;
  for (const char* uri : {"pkcs11:token=work?module-path=/tmp/x.so", "pkcs11:token=work?module-name=x"}) {
    EXPECT_EQ(bench.list(uri).error(), Errc::malformed) << uri;
    EXPECT_EQ(bench.host(host::ListTokens{uri}).error(), Errc::malformed) << uri;
  }
  EXPECT_FALSE(bench.host(host::ListTokens{"pkcs11:"}).error()) << "and goes on";
}

TEST(Pkcs11Host, ListsWhatP11KitRegisters) {
  HostProcess host = HostProcess::of_kind("pkcs11-modules");
  const auto modules = host(host::ListModules{}).as<host::ModuleList>().modules;
  for (const RegisteredModule& module : modules) {
    EXPECT_TRUE(module.path.starts_with("/")) << module.path;
    EXPECT_EQ(module.path.find("p11-kit-trust"), std::string::npos);
    EXPECT_EQ(module.path.find("p11-kit-proxy"), std::string::npos);
  }
  EXPECT_EQ(host(host::ListReaders{}).error(), Errc::unsupported);
  expect_proper_end(host);
}

/// p11-kit reads a user's folder of module files from XDG_CONFIG_HOME.
TEST(Pkcs11Host, HonoursWhatP11KitsConfigurationSaysOfFob) {
  if (geteuid() == 0) GTEST_SKIP() << "p11-kit reads no user's configuration for root";
  std::string folder = std::filesystem::temp_directory_path() / "fob-p11kit-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::filesystem::create_directories(folder + "/pkcs11/modules");
  std::ofstream(folder + "/pkcs11/pkcs11.conf") << "user-config: merge\n";
  const auto add = [&](const std::string& name, const std::string& more) {
    std::ofstream(folder + "/pkcs11/modules/" + name + ".module") << "module: " << SoftHsm::library << "\n" << more;
  };
  add("fob-yes", "enable-in: fob-agent\n");
  add("fob-no", "disable-in: fob-agent\n");
  add("fob-trust", "trust-policy: yes\n");
  setenv("XDG_CONFIG_HOME", folder.c_str(), 1);
  HostProcess host = HostProcess::of_kind("pkcs11-modules");
  unsetenv("XDG_CONFIG_HOME");
  std::vector<std::string> names;
  for (const RegisteredModule& module : host(host::ListModules{}).as<host::ModuleList>().modules) {
    names.push_back(module.name);
  }
  std::filesystem::remove_all(folder);
  const auto listed = [&](const char* name) { return std::count(names.begin(), names.end(), name) == 1; };
  EXPECT_TRUE(listed("fob-yes")) << names.size();
  EXPECT_FALSE(listed("fob-no"));
  EXPECT_FALSE(listed("fob-trust"));
}

TEST(Pkcs11Host, ListsReaders) {
  HostProcess host = HostProcess::of_kind("readers");
  EXPECT_FALSE(host(host::ListReaders{}).error());
  EXPECT_EQ(host(host::ListModules{}).error(), Errc::unsupported);
  expect_proper_end(host);
}

}  // namespace
}  // namespace fob
