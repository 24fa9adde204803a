#pragma once

#include "block.hpp"

/// What no parser says of a key: readers of single keys, which need files or several entries, and rules that
/// speak of several keys. Only the tables in keys.cpp use them.
namespace stibee_sync::settings {

using Path = std::filesystem::path;

Parsed<std::string> any_text(std::string_view text);
Parsed<std::string> parse_database_url(std::string_view text);
Parsed<std::string> parse_query(std::string_view text);
Parsed<std::string> parse_time_zone(std::string_view text);

// service
void read_api_key(const Block& block, std::string_view key, Stibee& out);
void read_ca_file(const Block& block, std::string_view key, std::optional<Path>& out);
void read_password(const Block& block, std::string_view key, Database& out);
void read_directory(const Block& block, std::string_view key, Path& out);
void read_socket(const Block& block, std::string_view key, Path& out);
void read_webhook_secret(const Block& block, std::string_view key, Webhook& out);
void read_networks(const Block& block, std::string_view key, std::vector<Cidr>& out);
void read_allowed_networks(const Block& block, std::string_view key, std::vector<Cidr>& out);
/// The default of control.socket depends on the environment and on state.directory.
void place_socket(const Block& top, Settings& settings);

// mirrors
void read_name(const Block& block, std::string_view key, std::string& out);
void read_groups(const Block& block, std::string_view key, Mirror& out);
void read_group_columns(const Block& block, std::string_view key, std::vector<std::string>& out);
void read_fields(const Block& block, std::string_view key, std::map<std::string, std::string>& out);
void read_statement(const Block& block, std::string_view key, std::map<std::string, std::string>& out);
void check_relation(const Block& block, Source& source);
void check_guard(const Block& block, Guard& guard);
void check_delete_after(const Block& block, Mirror& mirror);
/// No two mirrors have the same name or list.
void check_mirrors(const Block& top, Settings& settings);

}  // namespace stibee_sync::settings
