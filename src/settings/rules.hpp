#pragma once

#include "cursor.hpp"

/// What no parser alone says of a key: readers of single keys, which need files or several entries, and rules
/// that speak of several keys. Only the tables in keys.cpp use them.
namespace stibee_sync::settings {

using Path = std::filesystem::path;

// service
void read_api_key(const Cursor& at, Stibee& out);
void read_ca_file(const Cursor& at, std::optional<Path>& out);
void read_password(const Cursor& at, Database& out);
void read_directory(const Cursor& at, Path& out);
void read_socket(const Cursor& at, Path& out);
/// A group that this host has; whether it does is looked at where secrets are read, as the daemon does.
void read_group(const Cursor& at, std::string& out);
/// The default of control.socket depends on the environment and on state.directory.
void place_socket(const Cursor& file, Settings& settings);
void read_notify_url(const Cursor& at, Notify& out);
void read_occasions(const Cursor& at, notice::Occasions& out);
void read_webhook_secret(const Cursor& at, Webhook& out);
void read_hosts(const Cursor& at, std::vector<std::string>& out);
void read_networks(const Cursor& at, std::vector<Cidr>& out);
void read_allowed_networks(const Cursor& at, std::vector<Cidr>& out);

// mirrors
void read_name(const Cursor& at, std::string& out);
void check_relation(const Cursor& block, Source& source);
void read_group_columns(const Cursor& at, std::vector<std::string>& out);
void read_fields(const Cursor& at, std::map<std::string, std::string>& out);
void read_groups(const Cursor& at, Mirror& out);
void check_delete_after(const Cursor& block, Mirror& mirror);
void check_detect(const Cursor& block, Mirror& mirror);
void check_guard(const Cursor& block, Guard& guard);
void read_statement(const Cursor& at, std::map<std::string, std::string>& out);
/// No two mirrors have the same name or list.
void check_mirrors(const Cursor& file, Settings& settings);

}  // namespace stibee_sync::settings
