#include "cli/file_mode.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <set>

#include "cli/text.h"

namespace fob::cli {
namespace {

/// Who is in the group: those who log in with it, and those who are listed in it.
std::set<std::string> members_of(gid_t group) {
  std::set<std::string> out;
  setpwent();
  while (const passwd* entry = getpwent()) {
    if (entry->pw_gid == group) out.insert(entry->pw_name);
  }
  endpwent();
  if (const ::group* entry = getgrgid(group)) {
    for (char** member = entry->gr_mem; *member != nullptr; ++member) out.insert(*member);
  }
  return out;
}

bool has_owner_alone(gid_t group, uid_t owner) {
  const std::set<std::string> members = members_of(group);
  const passwd* user = getpwuid(owner);
  return user != nullptr && members == std::set<std::string>{user->pw_name};
}

std::string group_called(gid_t group) {
  const ::group* entry = getgrgid(group);
  return "the group " + (entry == nullptr ? std::to_string(group) : shown(entry->gr_name));
}

}  // namespace

std::string foreign_writer(const struct stat& status, const std::string& debian_mark) {
  if ((status.st_mode & S_IWOTH) != 0) return "everybody";
  if ((status.st_mode & S_IWGRP) == 0) return "";
  const bool minds_owners_group = access(debian_mark.c_str(), F_OK) != 0;
  if (!minds_owners_group && has_owner_alone(status.st_gid, status.st_uid)) return "";
  return group_called(status.st_gid);
}

}  // namespace fob::cli
