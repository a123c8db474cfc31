#include "protocol/secret_bytes.h"

#include <algorithm>
#include <type_traits>

#include "protocol/secret_heap.h"
#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

static_assert(!std::is_copy_constructible_v<SecretBytes>);
static_assert(!std::is_copy_assignable_v<SecretBytes>);
static_assert(std::is_nothrow_move_constructible_v<SecretBytes>);
static_assert(std::is_nothrow_move_assignable_v<SecretBytes>);

template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};
static_assert(!Printable<SecretBytes>);

SecretBytes secret(std::string_view text) { return SecretBytes(as_bytes(text)); }

TEST(SecretBytes, BeginAsZeros) {
  const SecretBytes bytes(1000);
  EXPECT_EQ(bytes.size(), 1000U);
  EXPECT_TRUE(std::all_of(bytes.data(), bytes.data() + bytes.size(), [](std::uint8_t byte) { return byte == 0; }));
}

TEST(SecretBytes, CopyWhatTheyAreMadeFrom) {
  Bytes from = test::from_hex("010203");
  const SecretBytes bytes{ByteView(from)};
  from[0] = 9;
  EXPECT_EQ(test::to_hex(bytes.view()), "010203");
}

TEST(SecretBytes, MayBeEmpty) {
  const SecretBytes none;
  const SecretBytes zero(std::size_t{0});
  const SecretBytes from_nothing{ByteView{}};
  EXPECT_TRUE(none.empty());
  EXPECT_TRUE(zero.empty());
  EXPECT_TRUE(from_nothing.view().empty());
  EXPECT_TRUE(none == zero);
  EXPECT_TRUE(none == from_nothing);
}

TEST(SecretBytes, CompareByContents) {
  EXPECT_TRUE(secret("abc") == secret("abc"));
  EXPECT_FALSE(secret("abc") == secret("abd"));
  EXPECT_FALSE(secret("abc") == secret("ab"));
  EXPECT_FALSE(secret("abc") == SecretBytes());
}

TEST(SecretBytes, MoveWithoutCopying) {
  SecretBytes from = secret("abc");
  const std::uint8_t* data = from.data();
  SecretBytes to = std::move(from);
  EXPECT_EQ(to.data(), data);
  EXPECT_TRUE(from.empty());  // NOLINT: moved-from is empty by contract
  EXPECT_EQ(from.data(), nullptr);
  SecretBytes other = secret("other");
  other = std::move(to);
  EXPECT_EQ(other.data(), data);
  EXPECT_TRUE(other == secret("abc"));
}

TEST(SecretBytes, SurviveMovingToThemselves) {
  SecretBytes bytes = secret("abc");
  SecretBytes& same = bytes;
  bytes = std::move(same);
  EXPECT_TRUE(bytes == secret("abc"));
}

TEST(SecretBytes, AreWipedWhenTheyDie) {
  const std::uint8_t* data = nullptr;
  {
    SecretBytes bytes(100);
    std::fill_n(bytes.data(), bytes.size(), std::uint8_t{0xa5});
    data = bytes.data();
  }
  // The heap gives the block that was freed last; unlike SecretBytes it does not clear it.
  void* block = SecretHeap::allocate(100);
  ASSERT_EQ(block, data);
  const auto* bytes = static_cast<const std::uint8_t*>(block);
  EXPECT_EQ(std::count(bytes, bytes + 100, 0), 100);
  SecretHeap::free(block);
}

TEST(SecretBytes, ThrowWhereThereIsNoMemory) {
  EXPECT_EQ(test::error_of([] { SecretBytes bytes(SIZE_MAX); }), Errc::system);
}

}  // namespace
}  // namespace fob
