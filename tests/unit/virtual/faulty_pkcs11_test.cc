// The wrapping module against the real SoftHSM2.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace fob::virt {
namespace {

using namespace std::chrono_literals;

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

unsigned char* octets(const char* text) { return reinterpret_cast<unsigned char*>(const_cast<char*>(text)); }

class FaultyPkcs11 : public testing::Test {
 protected:
  FaultyPkcs11() {
    char pattern[] = "/tmp/fob-faulty-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    std::filesystem::create_directory(folder_ + "/tokens");
    std::ofstream(folder_ + "/softhsm2.conf") << "directories.tokendir = " << folder_ << "/tokens\n"
                                              << "log.level = ERROR\n";
    ::setenv("SOFTHSM2_CONF", (folder_ + "/softhsm2.conf").c_str(), 1);
    ::setenv("FOB_FAULTY_CONTROL", (folder_ + "/control").c_str(), 1);
    ::setenv("FOB_FAULTY_TELLTALE", (folder_ + "/telltale").c_str(), 1);
    ::setenv("FOB_FAULTY_LOG", (folder_ + "/log").c_str(), 1);
  }
  ~FaultyPkcs11() override {
    if (module_ != nullptr) {
      control("");
      module_->C_Finalize(nullptr);
    }
    for (const char* name : {"SOFTHSM2_CONF", "FOB_FAULTY_CONTROL", "FOB_FAULTY_TELLTALE", "FOB_FAULTY_LOG"}) {
      ::unsetenv(name);
    }
    std::filesystem::remove_all(folder_);
  }

  /// As a test should: a new file, put in the place of the old one.
  void control(const std::string& text) {
    std::ofstream(folder_ + "/control.new") << text << '\n';
    std::filesystem::rename(folder_ + "/control.new", folder_ + "/control");
  }

  void load() {
    void* library = ::dlopen(FOB_FAULTY_PKCS11, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << ::dlerror();
    const auto get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
    ASSERT_NE(get, nullptr);
    ASSERT_EQ(get(&module_), CKR_OK);
  }

  /// A token with a P-256 key, and a session that is logged in.
  void set_up_token() {
    load();
    ASSERT_EQ(module_->C_Initialize(nullptr), CKR_OK) << "no SoftHSM2? it comes with the package libsofthsm2";
    std::string label = "faulty";
    label.resize(32, ' ');
    ASSERT_EQ(module_->C_InitToken(first_slot(), octets("12345678"), 8, octets(label.c_str())), CKR_OK);
    slot_ = first_slot();
    CK_SESSION_HANDLE officer = 0;
    ASSERT_EQ(module_->C_OpenSession(slot_, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &officer), CKR_OK);
    ASSERT_EQ(module_->C_Login(officer, CKU_SO, octets("12345678"), 8), CKR_OK);
    ASSERT_EQ(module_->C_InitPIN(officer, octets("1234"), 4), CKR_OK);
    ASSERT_EQ(module_->C_CloseSession(officer), CKR_OK);
    open();
    ASSERT_EQ(log_in(), CKR_OK);
    generate();
  }

  CK_SLOT_ID first_slot() {
    std::array<CK_SLOT_ID, 4> slots{};
    CK_ULONG count = slots.size();
    EXPECT_EQ(module_->C_GetSlotList(CK_TRUE, slots.data(), &count), CKR_OK);
    return slots[0];
  }
  void open() {
    ASSERT_EQ(module_->C_OpenSession(slot_, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session_), CKR_OK);
  }
  CK_RV log_in() { return module_->C_Login(session_, CKU_USER, octets("1234"), 4); }

  void generate() {
    CK_MECHANISM mechanism{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
    CK_BBOOL yes = CK_TRUE;
    std::array<unsigned char, 10> p256 = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    std::array<CK_ATTRIBUTE, 2> open_half = {
        {{CKA_TOKEN, &yes, sizeof(yes)}, {CKA_EC_PARAMS, p256.data(), p256.size()}}};
    std::array<CK_ATTRIBUTE, 2> secret_half = {{{CKA_TOKEN, &yes, sizeof(yes)}, {CKA_SIGN, &yes, sizeof(yes)}}};
    ASSERT_EQ(module_->C_GenerateKeyPair(session_, &mechanism, open_half.data(), 2, secret_half.data(), 2, &public_key_,
                                         &private_key_),
              CKR_OK);
  }

  CK_RV sign() {
    CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
    const CK_RV result = module_->C_SignInit(session_, &mechanism, private_key_);
    if (result != CKR_OK) return result;
    std::array<unsigned char, 32> hash{};
    std::array<unsigned char, 64> signature{};
    CK_ULONG size = signature.size();
    return module_->C_Sign(session_, hash.data(), hash.size(), signature.data(), &size);
  }

  std::vector<unsigned char> value(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
    CK_ATTRIBUTE attribute{type, nullptr, 0};
    EXPECT_EQ(module_->C_GetAttributeValue(session_, object, &attribute, 1), CKR_OK);
    std::vector<unsigned char> bytes(attribute.ulValueLen);
    attribute.pValue = bytes.data();
    EXPECT_EQ(module_->C_GetAttributeValue(session_, object, &attribute, 1), CKR_OK);
    return bytes;
  }

  std::size_t objects_of(CK_OBJECT_CLASS kind) {
    CK_ATTRIBUTE attribute{CKA_CLASS, &kind, sizeof(kind)};
    EXPECT_EQ(module_->C_FindObjectsInit(session_, &attribute, 1), CKR_OK);
    std::array<CK_OBJECT_HANDLE, 8> objects{};
    CK_ULONG count = 0;
    EXPECT_EQ(module_->C_FindObjects(session_, objects.data(), objects.size(), &count), CKR_OK);
    EXPECT_EQ(module_->C_FindObjectsFinal(session_), CKR_OK);
    return count;
  }

  CK_FLAGS token_flags() {
    CK_TOKEN_INFO info{};
    EXPECT_EQ(module_->C_GetTokenInfo(slot_, &info), CKR_OK);
    return info.flags;
  }

  std::string folder_;
  CK_FUNCTION_LIST* module_ = nullptr;
  CK_SLOT_ID slot_ = 0;
  CK_SESSION_HANDLE session_ = 0;
  CK_OBJECT_HANDLE public_key_ = 0;
  CK_OBJECT_HANDLE private_key_ = 0;
};

/// How a child that calls C_GetInfo ends; nothing where it still has not after a while, and is killed.
std::optional<int> fate_of_get_info(const std::function<void()>& load, CK_FUNCTION_LIST*& module) {
  const pid_t child = ::fork();
  if (child == 0) {
    load();
    CK_INFO info{};
    ::_exit(module->C_GetInfo(&info) == CKR_CRYPTOKI_NOT_INITIALIZED ? 0 : 1);
  }
  int status = 0;
  for (int i = 0; i < 100; ++i) {
    if (::waitpid(child, &status, WNOHANG) == child) return status;
    std::this_thread::sleep_for(10ms);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, &status, 0);
  return std::nullopt;
}

TEST_F(FaultyPkcs11, IsSoftHsmUnlessToldOtherwise) {
  set_up_token();
  EXPECT_EQ(sign(), CKR_OK);
  const auto signs = [](const std::string& log) { return log.find("\nC_Sign ") != std::string::npos; };
  EXPECT_TRUE(signs(text_of(folder_ + "/log")));
  CK_INFO info{};
  ASSERT_EQ(module_->C_GetInfo(&info), CKR_OK);
  EXPECT_EQ(std::string(reinterpret_cast<char*>(info.manufacturerID), 7), "SoftHSM");
}

TEST_F(FaultyPkcs11, NamesEveryFunction) {
  load();
  const std::array<CK_RV (*)(CK_SESSION_HANDLE), 3> some = {module_->C_CloseSession, module_->C_GetFunctionStatus,
                                                            module_->C_CancelFunction};
  control("C_CloseSession return 1\nC_GetFunctionStatus return 2\nC_CancelFunction return 3");
  for (CK_RV i = 0; i < some.size(); ++i) EXPECT_EQ(some[i](0), i + 1);
  const auto* first = reinterpret_cast<void* const*>(&module_->C_Initialize);
  const auto* last = reinterpret_cast<void* const*>(&module_->C_WaitForSlotEvent);
  EXPECT_EQ(last - first + 1, 68);
  EXPECT_EQ(std::count(first, last + 1, nullptr), 0);
}

TEST_F(FaultyPkcs11, ConstructorLeavesATelltale) {
  // In a process of its own, as this one may have the library already.
  const pid_t child = ::fork();
  if (child == 0) {
    ::execlp("/bin/sh", "sh", "-c", "LD_PRELOAD=$0 exec /bin/true", FOB_FAULTY_PKCS11, nullptr);
    ::_exit(127);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  const std::string line = text_of(folder_ + "/telltale");
  EXPECT_EQ(line.substr(0, line.find(' ')), std::to_string(child));
  EXPECT_NE(line.find("/true\n"), std::string::npos) << line;
}

TEST_F(FaultyPkcs11, AnswersWhatItIsToldTo) {
  set_up_token();
  control("C_Sign return 0x30");
  EXPECT_EQ(sign(), CKR_DEVICE_ERROR);
  control("");
  EXPECT_EQ(module_->C_CloseSession(session_), CKR_OK);
}

TEST_F(FaultyPkcs11, OnceIsOnceUntilTheFileChanges) {
  set_up_token();
  control("C_SignInit return 0xB3 once");
  EXPECT_EQ(sign(), CKR_SESSION_HANDLE_INVALID);
  EXPECT_EQ(sign(), CKR_OK);
  control("C_SignInit return 0xB3 once");
  EXPECT_EQ(sign(), CKR_SESSION_HANDLE_INVALID);
  EXPECT_EQ(sign(), CKR_OK);
}

TEST_F(FaultyPkcs11, OnceIsOnceInAllProcesses) {
  control("C_GetInfo abort once");
  const auto loading = [this] { load(); };
  const auto first = fate_of_get_info(loading, module_);
  ASSERT_TRUE(first && WIFSIGNALED(*first));
  EXPECT_EQ(WTERMSIG(*first), SIGABRT);
  EXPECT_EQ(fate_of_get_info(loading, module_), 0);
}

TEST_F(FaultyPkcs11, SleepsThenWorks) {
  control("C_GetInfo sleep 200");
  const auto loading = [this] { load(); };
  const auto started = std::chrono::steady_clock::now();
  EXPECT_EQ(fate_of_get_info(loading, module_), 0);
  EXPECT_GE(std::chrono::steady_clock::now() - started, 200ms);
}

TEST_F(FaultyPkcs11, HangsAndDeadlocks) {
  const auto loading = [this] { load(); };
  for (const char* fault : {"hang", "deadlock"}) {
    control(std::string("C_GetInfo ") + fault);
    EXPECT_EQ(fate_of_get_info(loading, module_), std::nullopt) << fault;
  }
}

TEST_F(FaultyPkcs11, CrashesByTheSignalThatBelongsToIt) {
  const auto loading = [this] {
    ::signal(SIGSEGV, SIG_DFL);
    load();
  };
  for (const auto& [fault, signal] : {std::pair{"abort", SIGABRT}, {"segfault", SIGSEGV}}) {
    control(std::string("C_GetInfo ") + fault);
    const auto fate = fate_of_get_info(loading, module_);
    ASSERT_TRUE(fate && WIFSIGNALED(*fate)) << fault;
    EXPECT_EQ(WTERMSIG(*fate), signal);
  }
}

TEST_F(FaultyPkcs11, DoesNotGuessWhatIsMeant) {
  const auto loading = [this] { load(); };
  for (const char* wrong : {"C_Sign hnag", "C_Sign return", "C_Sign return x", "token +lockd", "ec_point", "C_Sign"}) {
    control(wrong);
    const auto fate = fate_of_get_info(loading, module_);
    EXPECT_TRUE(fate && WIFSIGNALED(*fate)) << wrong;
  }
}

TEST_F(FaultyPkcs11, SetsAndClearsFlags) {
  set_up_token();
  const CK_FLAGS tries = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;
  EXPECT_EQ(token_flags() & tries, 0U);
  control("token +pin_count_low +final_try\ntoken -pin_set +pin_pad");
  EXPECT_EQ(token_flags() & tries, CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
  EXPECT_EQ(token_flags() & (CKF_USER_PIN_INITIALIZED | CKF_PROTECTED_AUTHENTICATION_PATH),
            CKF_PROTECTED_AUTHENTICATION_PATH);
  control("slot +removable +hardware");
  CK_SLOT_INFO info{};
  ASSERT_EQ(module_->C_GetSlotInfo(slot_, &info), CKR_OK);
  EXPECT_EQ(info.flags & (CKF_REMOVABLE_DEVICE | CKF_HW_SLOT), CKF_REMOVABLE_DEVICE | CKF_HW_SLOT);
  control("");
  EXPECT_EQ(token_flags() & tries, 0U);
}

TEST_F(FaultyPkcs11, WrapsAndUnwrapsPoints) {
  set_up_token();
  const auto as_it_is = value(public_key_, CKA_EC_POINT);
  ASSERT_EQ(as_it_is.size(), 67U);  // SoftHSM2 wraps
  control("ec_point wrapped");
  EXPECT_EQ(value(public_key_, CKA_EC_POINT), as_it_is);
  control("ec_point raw");
  const auto raw = value(public_key_, CKA_EC_POINT);
  EXPECT_EQ(raw, (std::vector<unsigned char>(as_it_is.begin() + 2, as_it_is.end())));
  // Too small a buffer is said to be too small, beside an attribute that is not touched.
  CK_KEY_TYPE type = 0;
  std::array<unsigned char, 64> small{};
  std::array<CK_ATTRIBUTE, 2> both = {
      {{CKA_EC_POINT, small.data(), small.size()}, {CKA_KEY_TYPE, &type, sizeof(type)}}};
  EXPECT_EQ(module_->C_GetAttributeValue(session_, public_key_, both.data(), 2), CKR_BUFFER_TOO_SMALL);
  EXPECT_EQ(both[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
  EXPECT_EQ(type, CKK_EC);
}

TEST_F(FaultyPkcs11, HidesPublicKeys) {
  set_up_token();
  EXPECT_EQ(objects_of(CKO_PUBLIC_KEY), 1U);
  control("public_keys hidden");
  EXPECT_EQ(objects_of(CKO_PUBLIC_KEY), 0U);
  EXPECT_EQ(objects_of(CKO_PRIVATE_KEY), 1U);
}

TEST_F(FaultyPkcs11, ClaimsThatKeysAlwaysAuthenticate) {
  set_up_token();
  EXPECT_EQ(value(private_key_, CKA_ALWAYS_AUTHENTICATE), std::vector<unsigned char>{CK_FALSE});
  control("always_authenticate claimed");
  EXPECT_EQ(value(private_key_, CKA_ALWAYS_AUTHENTICATE), std::vector<unsigned char>{CK_TRUE});
}

TEST_F(FaultyPkcs11, TokenIsPulledOutAndComesBackWithoutSessions) {
  set_up_token();
  control("token removed");
  CK_ULONG count = 9;
  EXPECT_EQ(module_->C_GetSlotList(CK_TRUE, nullptr, &count), CKR_OK);
  EXPECT_EQ(count, 0U);
  EXPECT_EQ(sign(), CKR_DEVICE_REMOVED);
  CK_SESSION_HANDLE other = 0;
  EXPECT_EQ(module_->C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &other), CKR_TOKEN_NOT_PRESENT);
  CK_SLOT_INFO info{};
  EXPECT_EQ(module_->C_GetSlotInfo(slot_, &info), CKR_OK);
  EXPECT_EQ(info.flags & CKF_TOKEN_PRESENT, 0U);
  control("");
  EXPECT_EQ(sign(), CKR_SESSION_HANDLE_INVALID);
  open();
  EXPECT_EQ(log_in(), CKR_OK);
}

TEST_F(FaultyPkcs11, TokenIsReplugged) {
  set_up_token();
  control("token replugged");
  EXPECT_EQ(sign(), CKR_SESSION_HANDLE_INVALID);
  open();
  EXPECT_EQ(log_in(), CKR_OK);
  EXPECT_EQ(objects_of(CKO_PRIVATE_KEY), 1U);
}

}  // namespace
}  // namespace fob::virt
