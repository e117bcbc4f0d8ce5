#include "core/state/migrations.h"

namespace agnes::state {

using namespace types;

const std::vector<Table>& retired_tables() {
  // Only the columns that a rule reads.
  static const std::vector<Table> tables = {
      {.name = "access_requests", .columns = {{"id", kText}}},
      {.name = "claude_md_template",
       .columns = {{"content", kText}, {"updated_at", kTime}, {"updated_by", kText}}},
      {.name = "dataset_permissions", .columns = {{"dataset", kText}}},
      {.name = "group_mappings", .columns = {{"id", kText}}},
      {.name = "internal_roles", .columns = {{"id", kText}, {"key", kText}}},
      {.name = "plugin_access",
       .columns = {{"group_id", kText},
                   {"marketplace_id", kText},
                   {"plugin_name", kText},
                   {"granted_at", kTime},
                   {"granted_by", kText}}},
      {.name = "session_extraction_state",
       .columns = {{"session_file", kText},
                   {"username", kText},
                   {"processed_at", kTime},
                   {"items_extracted", kInt},
                   {"file_hash", kText}}},
      {.name = "user_role_grants", .columns = {{"user_id", kText}, {"internal_role_id", kText}}},
      {.name = "welcome_template",
       .columns = {{"content", kText}, {"updated_at", kTime}, {"updated_by", kText}}},
  };
  return tables;
}

const std::vector<RetiredColumn>& retired_columns() {
  static const std::vector<RetiredColumn> columns = {
      {"knowledge_votes", "id", kText},
      {"store_entities", "_vis_v35", kText},  // a change to 35 that was interrupted left its values here
      {"store_submissions", "retry_count", kInt},
      {"table_registry", "is_public", kBool},
      {"users", "groups", kJson},
      {"users", "role", kText},
  };
  return columns;
}

const std::vector<RenamedColumn>& renamed_columns() {
  // The first databases of version 1 knew people by their emails and tables by their names.
  static const std::vector<RenamedColumn> columns = {
      {"audit_log", "params", "details"},
      {"audit_log", "resource", "entity_id"},
      {"audit_log", "user_id", "actor"},
      {"knowledge_items", "source_user", "author"},
      {"knowledge_votes", "user_id", "user_email"},
      {"knowledge_votes", "voted_at", "created_at"},
      {"script_registry", "deployed_at", "created_at"},
      {"script_registry", "owner", "author"},
      {"sync_history", "rows", "rows_synced"},
      {"sync_history", "synced_at", "started_at"},
      {"sync_history", "table_id", "table_name"},
      {"sync_state", "hash", "file_hash"},
      {"sync_state", "rows", "row_count"},
      {"sync_state", "table_id", "table_name"},
      {"table_profiles", "table_id", "table_name"},
      {"table_registry", "id", "table_name"},
      {"table_registry", "name", "table_name"},
      {"table_registry", "source_type", "source"},
      {"telegram_links", "user_id", "user_email"},
      {"user_sync_settings", "user_id", "user_email"},
      {"users", "active", "is_active"},
      {"users", "id", "email"},
  };
  return columns;
}

const std::vector<ColumnRule>& column_rules() {
  static const std::vector<ColumnRule> rules = {
      // Queries for BigQuery named their tables as DuckDB attaches them; now they are sent there as they
      // stand.
      {kQueriesNameProject, "table_registry", "source_query",
       "CASE WHEN self.query_mode = 'materialized' AND self.source_type = 'bigquery' "
       "THEN regexp_replace(self.source_query, 'bq\\.\"([^\"]+)\"\\.\"([^\"]+)\"', "
       "'`' || getvariable('bigquery_project') || '.\\1.\\2`', 'g') ELSE self.source_query END"},
      // Whole Keboola tables are fetched through its export interface, which used to be the other mode's way.
      {26, "table_registry", "query_mode",
       "CASE WHEN self.source_type = 'keboola' AND self.query_mode = 'local' THEN 'materialized' "
       "ELSE self.query_mode END"},
      {28, "marketplace_plugins", "created_at",
       "(SELECT min(m.registered_at) FROM was_marketplace_registry m WHERE m.id = self.marketplace_id)"},
      // What was in the store before uploads were reviewed stays visible.
      {32, "store_entities", "visibility_status", "'approved'"},
      {36, "store_entities", "visibility_status", "coalesce(self._vis_v35, self.visibility_status)"},
      {33, "store_submissions", "file_size",
       "coalesce(self.file_size, "
       "(SELECT min(e.file_size) FROM was_store_entities e WHERE e.id = self.entity_id))"},
      {38, "store_entities", "version_history",
       "CASE WHEN json_array_length(self.version_history) > 0 THEN self.version_history "
       "ELSE json_array(json_object('n', 1, 'hash', self.version, 'sha256', NULL, 'size', self.file_size, "
       "'submission_id', (SELECT s.id FROM was_store_submissions s WHERE s.entity_id = self.id "
       "ORDER BY s.created_at DESC LIMIT 1), "
       "'created_at', CAST(self.created_at AS VARCHAR), 'created_by', self.owner_user_id)) END"},
  };
  return rules;
}

const std::vector<RowRule>& row_rules() {
  static const std::vector<RowRule> rules = {
      // Where emails named people, codes had no chat, scripts no text and settings no data set; one could vote
      // twice and have two chats: the last counts.
      {2, "knowledge_votes",
       "NOT EXISTS (SELECT 1 FROM was_knowledge_votes later WHERE later.item_id = self.item_id AND "
       "later.user_id = self.user_id AND (later.voted_at, later.id) > (self.voted_at, self.id))"},
      {2, "pending_codes", "self.chat_id IS NOT NULL"},
      {2, "script_registry", "self.source IS NOT NULL"},
      {2, "telegram_links",
       "NOT EXISTS (SELECT 1 FROM was_telegram_links later WHERE later.user_id = self.user_id AND "
       "(later.linked_at, later.chat_id) > (self.linked_at, self.chat_id))"},
      {2, "user_sync_settings", "self.dataset IS NOT NULL"},
      // A row said "not this plugin"; since 28 it says "this plugin".
      {28, "user_plugin_optouts", "false"},
  };
  return rules;
}

const std::vector<Step>& steps() {
  static const std::vector<Step> all = {
      // Who had which groups and roles, before there were members of groups. The first that names a member
      // wins.
      {13,
       "INSERT INTO user_group_members (user_id, group_id, source, added_by) "
       "SELECT DISTINCT u.id, g.id, 'google_sync', 'system:v13-backfill' FROM "
       "(SELECT id, unnest(json_extract_string(groups, '$[*]')) AS name FROM was_users "
       "WHERE json_type(groups) = 'ARRAY') u JOIN user_groups g ON g.name = u.name "
       "ON CONFLICT DO NOTHING"},
      {9,
       "INSERT INTO user_group_members (user_id, group_id, source, added_by) "
       "SELECT u.id, g.id, 'system_seed', 'system:v13-backfill' FROM was_users u, user_groups g "
       "WHERE u.role = 'admin' AND g.name = 'Admin' ON CONFLICT DO NOTHING"},
      {13,
       "INSERT INTO user_group_members (user_id, group_id, source, added_by) "
       "SELECT DISTINCT t.user_id, g.id, 'system_seed', 'system:v13-backfill' FROM was_user_role_grants t "
       "JOIN was_internal_roles i ON i.id = t.internal_role_id, user_groups g "
       "WHERE i.key = 'core.admin' AND g.name = 'Admin' ON CONFLICT DO NOTHING"},
      {13,
       "INSERT INTO user_group_members (user_id, group_id, source, added_by) "
       "SELECT u.id, g.id, 'system_seed', 'system:v13-backfill' FROM users u, user_groups g "
       "WHERE g.name = 'Everyone' ON CONFLICT DO NOTHING"},
      {13,
       "INSERT INTO resource_grants (id, group_id, resource_type, resource_id, assigned_at, assigned_by) "
       "SELECT CAST(uuid() AS VARCHAR), p.group_id, 'marketplace_plugin', "
       "p.marketplace_id || '/' || p.plugin_name, p.granted_at, p.granted_by FROM was_plugin_access p "
       "WHERE p.group_id IN (SELECT id FROM user_groups) ON CONFLICT DO NOTHING"},
      // Groups that mirror a Google group hold nobody else's entries.
      {18,
       "DELETE FROM user_group_members WHERE source <> 'google_sync' AND group_id IN "
       "(SELECT id FROM user_groups WHERE created_by = 'system:google-sync')"},
      {18,
       "DELETE FROM user_group_members WHERE source = 'system_seed' AND group_id IN "
       "(SELECT id FROM user_groups WHERE name = 'Everyone' AND is_system)",
       "AGNES_GROUP_EVERYONE_EMAIL"},
      {18,
       "DELETE FROM user_group_members WHERE source = 'system_seed' "
       "AND added_by NOT IN ('app.main:seed_admin', 'auth.bootstrap') AND group_id IN "
       "(SELECT id FROM user_groups WHERE name = 'Admin' AND is_system)",
       "AGNES_GROUP_ADMIN_EMAIL"},
      {22, "INSERT INTO setup_banner (id) VALUES (1) ON CONFLICT DO NOTHING"},
      {29,
       "INSERT INTO instance_templates (key, content, updated_at, updated_by) "
       "SELECT 'welcome', content, updated_at, updated_by FROM was_welcome_template "
       "UNION ALL SELECT 'claude_md', content, updated_at, updated_by FROM was_claude_md_template "
       "ON CONFLICT DO NOTHING"},
      {29,
       "INSERT INTO instance_templates (key) VALUES ('welcome'), ('claude_md'), ('home') "
       "ON CONFLICT DO NOTHING"},
      // Sessions were read for one purpose only.
      {31,
       "INSERT INTO session_processor_state "
       "(processor_name, session_file, username, processed_at, items_extracted, file_hash) "
       "SELECT 'verification', session_file, username, processed_at, items_extracted, file_hash "
       "FROM was_session_extraction_state ON CONFLICT DO NOTHING"},
  };
  return all;
}

}  // namespace agnes::state
