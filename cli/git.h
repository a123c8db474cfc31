#pragma once

#include <string>
#include <vector>

#include "cli/remote_json.h"
#include "protocol/public_key.h"

namespace fob::cli {

/// git's configuration, as `git config` reads and writes it; no shell is in between.
class GitConfig {
 public:
  /// `scope`: "--global" or "--local". Throws not_found where there is no git; refused where the scope is that of a
  /// repository, and there is none here.
  explicit GitConfig(std::string scope);

  const std::string& scope() const { return scope_; }
  /// In this scope only, or as git sees it here and now; empty: not set. Paths have their ~ expanded.
  std::string value(const std::string& name, bool is_path = false) const;
  std::string effective(const std::string& name, bool is_path = false) const;
  /// All of its values in this scope; the last one counts. Throws refused, with what git says.
  std::vector<std::string> values(const std::string& name) const;
  /// In the place of all that there are. Throws refused, with what git says.
  void set(const std::string& name, const std::string& value) const;
  /// The same; none: it is not set any more.
  void set_all(const std::string& name, const std::vector<std::string>& values) const;

 private:
  void change(const std::vector<std::string>& arguments) const;

  std::string scope_;
};

/// Who signs, by what, as git and ssh-keygen have it.
struct GitSigner {
  std::string email;
  PublicKey key;

  /// user.signingkey: the key itself, so that no file has to be there.
  std::string signing_key() const;
  /// Of the allowed_signers file, without its end: this key may sign as that address, for git only.
  std::string allowed_line() const;
};

/// Signs a commit in a repository of its own by these settings, and verifies it. Throws refused, with what git says.
void try_git_signing(const GitSigner& signer);

/// Adds the signer to the file, which is made where there is none, unless a line lets them in already; other lines stay
/// as they are. True if it was added. Throws system; then the file is as it was.
bool add_allowed_signer(const std::string& path, const GitSigner& signer);

}  // namespace fob::cli
