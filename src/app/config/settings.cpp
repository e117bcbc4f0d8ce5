#include "app/config/settings.h"

namespace agnes::config {

namespace {
using K = SettingKind;

constexpr Setting kSettings[] = {
    {"config_version", K::integer, "1", "", "1", false, "", "Version of this file's layout"},

    {"instance.name", K::text, "AI Data Analyst", "", "", false, "",
     "Name of the deploying organisation's instance"},
    {"instance.subtitle", K::text, "", "", "", false, "", "Line under the name"},
    {"instance.copyright", K::text, "", "", "", false, "", "Owner named at the foot of pages"},
    {"instance.brand", K::text, "Agnes", "AGNES_INSTANCE_BRAND", "", false, "",
     "Product name in texts for analysts"},
    {"instance.workspace_dir", K::text, "", "AGNES_WORKSPACE_DIR_NAME", "", false, "",
     "Folder name of an analyst's workspace; the brand without spaces when unset"},
    {"instance.logo_svg", K::text, "", "", "", false, "", "SVG element shown as the logo"},
    {"instance.sync_interval", K::text, "1 hour", "", "", false, "",
     "How often data is fresh, as told to analysts"},
    {"instance.admin_email", K::text, "", "AGNES_INSTANCE_ADMIN_EMAIL", "", false, "",
     "Contact shown to analysts"},
    {"instance.home_route", K::text, "", "AGNES_HOME_ROUTE", "", false, "", "Page after sign-in"},
    {"instance.home", K::object, "", "", "", false, "", "What the home page shows"},
    {"instance.gws", K::object, "", "", "", false, "", "Google Workspace connector hints on the home page"},
    {"instance.atlassian", K::object, "", "", "", false, "", "Atlassian connector hints on the home page"},

    {"server.hostname", K::text, "", "DOMAIN", "", false, "", "DNS name under which people reach the server"},
    {"server.host", K::text, "", "SERVER_HOST", "", false, "",
     "The server's address, for hints to operators"},
    {"server.app_dir", K::text, "", "", "", false, "", "Installation folder, for hints to operators"},
    {"server.ssh_alias", K::text, "", "", "", false, "", "Kept for existing files; not used"},
    {"server.ssh_key", K::text, "", "", "", false, "", "Kept for existing files; not used"},
    {"server.project_dir", K::text, "", "", "", false, "", "Kept for existing files; not used"},
    {"server.trusted_proxies", K::list, "", "AGNES_TRUSTED_PROXIES", "", false, "",
     "Addresses whose X-Forwarded-For is believed (single addresses or networks such as 10.0.0.0/8)"},
    {"server.threads", K::integer, "", "AGNES_THREADPOOL_SIZE", "1..1024", false, "",
     "Threads that run request handlers; 16 when unset"},
    {"server.send_timeout_seconds", K::integer, "60", "", "1..86400", false, "",
     "A client that takes nothing of its answer for this long is cut off"},
    {"server.max_body_bytes", K::integer, "33554432", "", "1024..", false, "", "Largest request body"},

    {"admins", K::object, "", "", "", false, "", "Kept for existing files; not used"},
    {"deployment", K::object, "", "", "", false, "", "Kept for existing files; not used"},

    {"auth.allowed_domain", K::text, "", "", "", false, "",
     "Email domains that may sign in, comma-separated"},
    {"auth.webapp_secret_key", K::text, "", "", "", true, "",
     "Kept for existing files; JWT_SECRET_KEY signs tokens"},
    {"auth.google_client_id", K::text, "", "GOOGLE_CLIENT_ID", "", false, "", "Google sign-in: client id"},
    {"auth.google_client_secret", K::text, "", "GOOGLE_CLIENT_SECRET", "", true, "",
     "Google sign-in: client secret"},
    {"auth.google_issuer", K::text, "https://accounts.google.com", "", "<http(s) address>", false, "",
     "Google sign-in: the OpenID provider; another one for tests"},
    {"auth.google_groups", K::boolean, "false", "", "", false, "",
     "Read Workspace groups at sign-in; also on when one of the AGNES_*GROUP* variables or "
     "auth.google_groups_subject is set"},
    {"auth.google_groups_api", K::text, "https://cloudidentity.googleapis.com", "", "<http(s) address>",
     false, "", "Where Workspace groups are read: the Cloud Identity API; another one for tests"},
    {"auth.google_groups_subject", K::text, "", "GOOGLE_ADMIN_SDK_SUBJECT", "", false, "",
     "The Workspace administrator in whose name a service account reads groups; the user's own consent when "
     "unset"},
    {"auth.google_groups_account", K::text, "", "GOOGLE_ADMIN_SDK_SA_EMAIL", "", false, "",
     "That service account, where it is not the one that the server runs as"},
    {"auth.google_directory_api", K::text, "https://admin.googleapis.com", "", "<http(s) address>", false, "",
     "Where it reads them: the Admin SDK; another one for tests"},
    {"auth.google_token_url", K::text, "https://oauth2.googleapis.com/token", "", "<http(s) address>", false,
     "", "Where it gets its access tokens; another one for tests"},
    {"auth.google_iam_api", K::text, "https://iamcredentials.googleapis.com", "", "<http(s) address>", false,
     "", "Where it has them signed, when there is no key file; another one for tests"},
    {"auth.username_strip_domain", K::boolean, "false", "", "", false, "",
     "Kept for existing files; not used"},
    {"auth.username_prefix", K::text, "", "", "", false, "", "Kept for existing files; not used"},
    {"auth.disabled_providers", K::list, "", "", "", false, "", "Sign-in methods hidden from the login page"},

    {"theme", K::object, "", "", "", false, "", "Colours, fonts and shape of the web app"},

    {"data_source.type", K::text, "local", "DATA_SOURCE", "local|csv|files|keboola|bigquery", false, "",
     "Where tables come from; local, csv and files all mean a folder of files"},
    {"data_source.files.path", K::text, "", "AGNES_FILES_PATH", "", false, "files",
     "Folder or glob of CSV, TSV, JSON, JSON lines and Parquet files"},
    {"data_source.files.exclude", K::list, "", "", "", false, "", "File names or globs to leave out"},
    {"data_source.files.auto_register", K::boolean, "true", "", "", false, "",
     "Register a table for each new file at sync; when false only registered tables are read"},
    {"data_source.files.tables", K::object, "", "", "", false, "",
     "Per table: `types` (column: type), `description`"},
    {"data_source.keboola.storage_token", K::text, "", "KEBOOLA_STORAGE_TOKEN", "", true, "keboola",
     "Keboola Storage API token"},
    {"data_source.keboola.stack_url", K::text, "", "KEBOOLA_STACK_URL", "<public http(s) address>", false,
     "keboola", "Keboola stack address, https://connection.keboola.com for one"},
    {"data_source.keboola.token_env", K::text, "", "", "", false, "",
     "Name of the environment variable with the token, where it is not KEBOOLA_STORAGE_TOKEN"},
    {"data_source.keboola.project_id", K::text, "", "", "", false, "", "Keboola project"},
    {"data_source.bigquery.project", K::text, "", "BIGQUERY_PROJECT", "", false, "bigquery",
     "Project with the data"},
    {"data_source.bigquery.location", K::text, "", "", "", false, "", "BigQuery location"},
    {"data_source.bigquery.billing_project", K::text, "=data_source.bigquery.project", "", "", false, "",
     "Project billed, where the account may read the project with the data but not bill it"},
    {"data_source.bigquery.max_bytes_per_materialize", K::integer, "10737418240", "", "0..", false, "",
     "Largest scan of a materialised query in bytes; 0: no limit"},
    {"data_source.bigquery.bq_max_scan_bytes", K::integer, "5368709120", "", "0..", false, "",
     "Largest scan of a query to a remote table in bytes; 0: no limit"},
    {"data_source.bigquery.query_timeout_ms", K::integer, "600000", "", "0..", false, "",
     "Time limit of a query"},
    {"data_source.bigquery.session_pool_size", K::integer, "4", "", "1..", false, "", "Sessions kept open"},
    {"data_source.bigquery.legacy_wrap_views", K::boolean, "false", "", "", false, "",
     "Kept for existing files"},

    {"openmetadata", K::object, "", "", "", false, "", "OpenMetadata catalogue"},
    {"openmetadata.url", K::text, "", "", "<http(s) address>", false, "",
     "Address of the OpenMetadata server"},
    {"openmetadata.token", K::text, "", "", "", true, "", "Its JWT"},
    {"openmetadata.cache_ttl_seconds", K::integer, "3600", "", "0..", false, "",
     "How long its answers are kept"},
    {"openmetadata.verify_ssl", K::boolean, "true", "", "", false, "",
     "Check its certificate; without, the token goes to whoever answers"},

    {"email.from_address", K::text, "", "EMAIL_FROM_ADDRESS", "", false, "", "Sender of mails"},
    {"email.from_name", K::text, "", "", "", false, "", "Sender's name"},
    {"email.smtp_host", K::text, "", "SMTP_HOST", "", false, "", "Mail relay"},
    {"email.smtp_port", K::integer, "587", "SMTP_PORT", "1..65535", false, "",
     "587 for STARTTLS, 465 for TLS"},
    {"email.smtp_user", K::text, "", "SMTP_USER", "", false, "", "Mail relay: user"},
    {"email.smtp_password", K::text, "", "SMTP_PASSWORD", "", true, "", "Mail relay: password"},

    {"desktop", K::object, "", "", "", false, "", "Sign-in of the desktop app"},
    {"desktop.jwt_issuer", K::text, "data-analyst", "", "", false, "",
     "Issuer of its JWTs, as the app checks it"},
    {"desktop.jwt_secret", K::text, "", "", "", true, "", "Signs its JWTs"},
    {"desktop.url_scheme", K::text, "data-analyst", "", "", false, "", "Scheme of the app's links"},

    {"telegram", K::object, "", "", "", false, "", "Telegram bot"},
    {"telegram.bot_token", K::text, "", "", "", true, "", "The bot's token"},
    {"telegram.bot_username", K::text, "", "", "", false, "", "The bot's name"},
    {"telegram.domain_suffix", K::text, "", "", "", false, "",
     "Added to a name without a domain to find the account"},

    {"jira", K::object, "", "", "", false, "", "Jira"},
    {"jira.domain", K::text, "", "", "", false, "", "Jira's host name"},
    {"jira.email", K::text, "", "", "", false, "", "Account that reads issues"},
    {"jira.api_token", K::text, "", "", "", true, "", "Its token"},
    {"jira.webhook_secret", K::text, "", "", "", true, "", "Signs what Jira sends"},
    {"jira.sla_email", K::text, "", "", "", false, "", "Account that reads service levels"},
    {"jira.sla_api_token", K::text, "", "", "", true, "", "Its token"},
    {"jira.cloud_id", K::text, "", "", "", false, "", "The site's id at Atlassian"},

    {"ai", K::object, "", "", "", false, "", "Language model"},
    {"ai.provider", K::text, "", "", "", false, "", "anthropic or openai_compat"},
    {"ai.api_key", K::text, "", "", "", true, "", "Key of its API"},
    {"ai.base_url", K::text, "", "", "<http(s) address>", false, "",
     "Address of an openai_compat service; may be a private one"},
    {"ai.model", K::text, "", "", "", false, "", "Model"},
    {"ai.structured_output", K::text, "auto", "", "strict|json|auto", false, "",
     "strict: the service must enforce schemas; json: also its JSON mode; auto: also asking in words"},

    {"guardrails", K::object, "", "", "", false, "", "Checks of uploads to the store"},

    {"corporate_memory", K::object, "", "", "", false, "",
     "Corporate memory: where knowledge comes from, who approves it, whom it reaches"},
    {"corporate_memory.distribution_mode", K::text, "hybrid", "", "mandatory_only|admin_curated|hybrid",
     false, "",
     "Who decides what reaches people: administrators, administrators with votes as advice, or both"},
    {"corporate_memory.approval_mode", K::text, "review_queue", "", "review_queue|auto_publish|threshold",
     false, "",
     "Whether what was found waits for approval, is published, or is published when confidence is high"},
    {"corporate_memory.review_period_months", K::integer, "6", "", "0..", false, "",
     "Approved items are due for review after so many months"},
    {"corporate_memory.notify_on_new_items", K::boolean, "true", "", "", false, "",
     "Tell memory administrators of new items"},
    {"corporate_memory.sources.claude_local_md.enabled", K::boolean, "true", "", "", false, "",
     "Read notes that people keep in their workspace"},
    {"corporate_memory.sources.claude_local_md.confidence_base", K::number, "0.5", "", "0..1", false, "",
     "Confidence in what is found there"},
    {"corporate_memory.sources.session_transcripts.enabled", K::boolean, "true", "", "", false, "",
     "Read transcripts of sessions"},
    {"corporate_memory.sources.session_transcripts.confidence_base", K::number, "0.6", "", "0..1", false, "",
     "Confidence in what is found there"},
    {"corporate_memory.sources.session_transcripts.max_turns_per_session", K::integer, "100", "", "1..",
     false, "", "Later turns of a session are not read"},
    {"corporate_memory.sources.session_transcripts.detection_types", K::list,
     "[correction, confirmation, unprompted_definition]", "", "", false, "", "What to look for"},
    {"corporate_memory.extraction.model", K::text, "claude-haiku-4-5-20251001", "", "", false, "",
     "Language model that finds knowledge"},
    {"corporate_memory.extraction.sensitivity_check", K::boolean, "true", "", "", false, "",
     "Look for what should not be shared"},
    {"corporate_memory.extraction.contradiction_check", K::boolean, "true", "", "", false, "",
     "Look for contradictions to what is known"},
    {"corporate_memory.confidence.base", K::object,
     "{\"user_verification.correction\": 0.9, \"user_verification.unprompted_definition\": 0.9, "
     "\"user_verification.confirmation\": 0.6, \"admin_mandate\": 1.0, \"claude_local_md\": 0.5, "
     "\"session_transcript\": 0.5}",
     "", "<map of numbers>", false, "", "Confidence by source, or source.detection_type"},
    {"corporate_memory.confidence.modifiers", K::object, "", "", "<map of objects>", false, "",
     "By source: what each signal adds to its confidence"},
    {"corporate_memory.confidence.decay.mode", K::text, "exponential", "", "linear|exponential", false, "",
     "How confidence fades"},
    {"corporate_memory.confidence.decay.half_life_months", K::integer, "12", "", "1..", false, "",
     "Of exponential decay"},
    {"corporate_memory.confidence.decay.decay_rate_monthly", K::number, "0.02", "", "", false, "",
     "Of linear decay"},
    {"corporate_memory.confidence.decay.floor", K::object,
     "{\"admin_mandate\": 0.5, \"user_verification\": 0.4, \"default\": 0.0}", "", "<map of numbers>", false,
     "", "By source: confidence does not fade below"},
    {"corporate_memory.contradiction_detection.enabled", K::boolean, "true", "", "", false, "",
     "Compare new items with known ones"},
    {"corporate_memory.contradiction_detection.max_candidates", K::integer, "10", "", "0..", false, "",
     "Known items that a new one is compared with"},
    {"corporate_memory.entity_resolution.enabled", K::boolean, "true", "", "", false, "",
     "Know entities by their names"},
    {"corporate_memory.entity_resolution.entities", K::object,
     "{\"metrics\": [churn, MRR, ARR, NPS, CAC, LTV], \"products\": [Platform, API, Dashboard]}", "",
     "<map of lists>", false, "", "Names of entities by kind"},
    {"corporate_memory.domain_owners", K::object, "", "", "<map of lists>", false, "",
     "Emails of memory administrators by domain"},
    {"corporate_memory.domains", K::list, "[finance, engineering, product, data, operations, infrastructure]",
     "", "", false, "", "Domains of knowledge; each needs an owner"},

    {"groups", K::object, "", "", "", false, "", "Audience groups of corporate memory"},
    {"users", K::object, "", "", "", false, "", "Display names and memory administrators by email"},
    {"username_mapping", K::object, "", "", "", false, "", "Kept for existing files; not used"},
    {"datasets", K::object, "", "", "", false, "", "Optional data sets of the sync settings page"},
    {"catalog", K::object, "", "", "", false, "", "Categories of the catalogue page and their order"},
    {"profiler", K::object, "", "", "", false, "", "Limits of table profiles"},
    {"remote_query", K::object, "", "", "", false, "", "Limits of remote queries"},
    {"posthog", K::object, "", "", "", false, "", "Kept for existing files; not used"},
    {"scheduler", K::object, "", "", "", false, "", "Intervals of scheduled jobs"},

    {"query.timeout_seconds", K::integer, "60", "AGNES_QUERY_TIMEOUT_SECONDS", "1..", false, "",
     "A statement is ended after this time; 60 at most"},
    {"query.transfer_timeout_seconds", K::integer, "300", "", "1..86400", false, "",
     "An answer that its client has not taken after this time is cut"},
    {"query.memory_mb", K::integer, "1024", "", "1..", false, "", "Memory of one query worker process"},
    {"query.spill_mb", K::integer, "4096", "", "0..", false, "",
     "Disk that one query worker may use beyond its memory"},
    {"query.max_workers", K::integer, "6", "", "1..", false, "", "Query worker processes at once"},
    {"query.max_result_mb", K::integer, "64", "", "1..", false, "", "Largest answer of one query"},
    {"query.max_rows", K::integer, "100000", "", "1..", false, "", "Largest `limit` of one query"},
    {"api.scan.max_limit", K::integer, "10000000", "", "1..", false, "", "Largest `limit` of one scan"},
    {"api.scan.max_result_bytes", K::integer, "2147483648", "", "1..", false, "",
     "Largest answer of one scan; it is cut there"},
    {"api.scan.max_concurrent_per_user", K::integer, "5", "", "1..", false, "", "Scans of one user at once"},
    {"api.scan.max_daily_bytes_per_user", K::integer, "53687091200", "", "1..", false, "",
     "What one user may fetch by scans in a day (UTC)"},
    {"api.scan.request_timeout_seconds", K::integer, "300", "", "1..86400", false, "",
     "A scan is ended after this time; what its client takes to read is not counted"},
    {"api.scan.transfer_timeout_seconds", K::integer, "3600", "", "1..86400", false, "",
     "A scan whose answer its client has not taken after this time is cut"},
    {"api.scan.bq_cost_per_tb_usd", K::number, "5", "", "0..", false, "", "Price of a scan in BigQuery"},
    {"api.catalog_cache_ttl_seconds", K::integer, "300", "", "0..", false, "",
     "Kept for existing files; not used"},
    {"api.schema_cache_ttl_seconds", K::integer, "3600", "", "0..", false, "",
     "Kept for existing files; not used"},
    {"api.sample_cache_ttl_seconds", K::integer, "3600", "", "0..", false, "",
     "Kept for existing files; not used"},
    {"extract.memory_mb", K::integer, "1024", "", "1..", false, "", "Memory of an extraction"},
    {"extract.timeout_seconds", K::integer, "3600", "AGNES_EXTRACTOR_TIMEOUT_SEC", "1..", false, "",
     "An extraction is ended after this time"},
    {"extract.read_timeout_seconds", K::integer, "600", "AGNES_READER_TIMEOUT_SEC", "1..86400", false, "",
     "An extract that takes longer to read is left out, and the others are served"},
    {"extract.extension_repository", K::text, "", "", "", false, "",
     "Where DuckDB's extensions for remote attachments come from: an http address or a folder; DuckDB's own "
     "repositories when unset"},
    {"extract.unsigned_extensions", K::boolean, "false", "", "", false, "",
     "Load extensions without DuckDB's signature too: your own, from your own repository"},
    {"materialize.lock_ttl_seconds", K::integer, "86400", "", "60..604800", false, "",
     "Kept for existing files; not used"},
};

constexpr Variable kVariables[] = {
    {"DATA_DIR", true, "Data directory; ./data when unset (--data-dir)"},
    {"STATE_DIR", true, "State directory; DATA_DIR/state when unset"},
    {"CONFIG_DIR", true, "Folder of instance.yaml; ./config when unset (--config-dir)"},
    {"AGNES_HOST", true, "Address to listen on; 0.0.0.0 when unset (--host)"},
    {"AGNES_PORT", true, "Port to listen on; 8000 when unset (--port)"},
    {"LOG_LEVEL", true, "debug, info, warning or error"},
    {"AGNES_LOG_FORMAT", true, "text or json"},
    {"JWT_SECRET_KEY", true, "Signs tokens; made and kept in the state directory when unset"},
    {"TESTING", true, "1: no generated secrets on disk; for tests"},
    {"SEED_ADMIN_EMAIL", true, "An administrator made at start when missing"},
    {"SEED_ADMIN_PASSWORD", true, "Their first password"},
    {"SCHEDULER_DATA_REFRESH_INTERVAL", true,
     "Seconds between scheduled syncs, rounded up to minutes; 900 when unset"},
    {"SCHEDULER_BQ_METADATA_REFRESH_INTERVAL", true,
     "Seconds between questions to the engines of remote tables, rounded up to minutes; 14400 when unset"},
    {"SCHEDULER_STARTUP_GRACE_SECONDS", true,
     "Seconds after the start in which no job starts by itself; 60 when unset"},
    {"AGNES_REMOTE_ATTACH_EXTENSIONS", true,
     "Extensions that extracts may ask for in _remote_attach, in place of bigquery,keboola"},
    {"AGNES_REMOTE_ATTACH_ENDPOINTS", true,
     "Hosts (host:port, separated by commas) that a remote attachment may name as its engine's endpoint; "
     "none when unset"},
    {"AGNES_REMOTE_ATTACH_TOKEN_ENVS", true,
     "Variables that extracts may ask for there, in place of KBC_TOKEN,KBC_STORAGE_TOKEN,"
     "KEBOOLA_STORAGE_TOKEN,GOOGLE_APPLICATION_CREDENTIALS"},
    {"SCHEDULER_API_TOKEN", true, "Shared secret of an outside scheduler"},
    {"AGNES_METRICS_TOKEN", true, "Shared secret of Prometheus, for /metrics; 16 characters or more"},
    {"AGNES_CLI_DIST_DIR", true, "Folder of wheels of the Python client, offered beside this one's own"},
    {"LOCAL_DEV_MODE", true, "1: everybody is the development user; never in production"},
    {"LOCAL_DEV_USER_EMAIL", true, "Email of the development user"},
    {"KBC_STACK_URL", true,
     "Keboola address that column metadata is pushed to; data_source.keboola.stack_url when unset"},
    {"KBC_STORAGE_TOKEN", true, "The token for that; data_source.keboola.storage_token when unset"},
    {"AGNES_GOOGLE_GROUP_PREFIX", true,
     "Only Workspace groups whose address begins so count, and only their members sign in"},
    {"AGNES_GROUP_ADMIN_EMAIL", true, "The Workspace group whose members are in Admin"},
    {"AGNES_GROUP_EVERYONE_EMAIL", true, "The Workspace group whose members are in Everyone"},
    {"GOOGLE_APPLICATION_CREDENTIALS", true,
     "Key file of the Google service account that the server acts as; the machine's own account when unset"},
    {"GCE_METADATA_HOST", true,
     "Where Google's metadata server is, which knows that account; metadata.google.internal when unset"},
    {"GOOGLE_ADMIN_SDK_MOCK_GROUPS", true,
     "Addresses with commas between: everybody's Workspace groups, without asking Google; for tests"},
    {"AGNES_AUTH_RATELIMIT_ENABLED", true, "0: no limit on sign-in attempts"},
    {"SERVER_URL", true,
     "Where people reach this server, for links: https://agnes.example.com; https://DOMAIN when unset"},
    {"SMTP_USE_TLS", true,
     "false: mail goes to the relay unencrypted; implicit: TLS from the first byte, as on port 465"},
    {"SMTP_FROM", true, "Sender of mails through the relay; email.from_address when unset"},
    {"SENDGRID_API_KEY", true, "Mails go through SendGrid"},
    {"BIGQUERY_EMULATOR_HOST", true, "BigQuery's address, where it is not https://bigquery.googleapis.com"},
    {"STORAGE_EMULATOR_HOST", true,
     "Google Cloud Storage's address, where it is not https://storage.googleapis.com"},
    {"AGNES_KEBOOLA_PARALLELISM", true, "Exports from Keboola that run side by side; 8 when unset"},
    {"AGNES_KEBOOLA_EXPORT_TIMEOUT_SEC", true, "Seconds that Keboola has for an export; 1800 when unset"},
    {"AGNES_KEBOOLA_POLL_INTERVAL_SEC", true,
     "Seconds until it is first asked whether an export is done, longer and longer up to 10; 2 when unset"},
    {"AGNES_KEBOOLA_SLICE_TIMEOUT_SEC", true,
     "Seconds without a byte after which the download of an export is broken off; 300 when unset"},
    {"AGNES_TEMP_DIR", true, "Folder for what a sync fetches before it is written; DATA_DIR/tmp when unset"},
    {"SENDGRID_API_URL", true, "SendGrid's address, where it is not https://api.sendgrid.com"},
    {"AGNES_DEBUG_AUTH", true, "1: /me/debug shows people what the server knows of their session"},
    {"AGNES_VERSION", true, "Version told by /api/version"},
    {"AGNES_TAG", true, "Image tag told by /api/version"},
    {"AGNES_COMMIT_SHA", true, "Commit told by /api/version"},
    {"RELEASE_CHANNEL", true, "Channel told by /api/version"},
    {"AGNES_ENV_FILE", false, ""},
    {"LOCAL_DEV_GROUPS", false, ""},
    {"AGNES_SKIP_CACHE_WARMUP", false, ""},
    {"AGNES_WARMUP_CONCURRENCY", false, ""},
    {"AGNES_SKIP_LEGACY_COLLECTOR", false, ""},
    {"CONNECTORS_DIR", false, ""},
    {"REPO_DIR", false, ""},
    {"VENV_PYTHON", false, ""},
    {"HEARTBEAT_INTERVAL_SECONDS", false, ""},
    {"HEARTBEAT_TIMEOUT_MISSED", false, ""},
    {"MAX_CONNECTIONS_PER_USER", false, ""},
    {"POSTHOG_API_KEY", false, ""},
    {"POSTHOG_HOST", false, ""},
    {"WS_DISPATCH_SOCKET", false, ""},
    {"WS_GATEWAY_HOST", false, ""},
    {"WS_GATEWAY_PORT", false, ""},
    {"WS_GATEWAY_SOCKET", false, ""},
};

struct Group {
  std::string_view path, help;
};
constexpr Group kGroups[] = {
    {"data_source.files", "A folder of files"},
    {"data_source.keboola", "Keboola Storage"},
    {"data_source.bigquery", "BigQuery: projects and limits of cost"},
    {"corporate_memory.sources", "Where knowledge comes from, and how much each source is trusted"},
    {"corporate_memory.confidence", "How confidence in an item is reckoned and fades"},
};

constexpr std::string_view kEditable[] = {
    "instance", "data_source",  "email",   "telegram",         "jira",       "theme", "server", "auth",
    "ai",       "openmetadata", "desktop", "corporate_memory", "materialize"};
constexpr std::string_view kDanger[] = {"auth", "server"};

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t next = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = std::exchange(row[j], next);
    }
  }
  return row[b.size()];
}
}  // namespace

std::span<const std::string_view> editable_sections() {
  return kEditable;
}
std::span<const std::string_view> danger_sections() {
  return kDanger;
}

bool has_settings_below(std::string_view path) {
  for (const auto& setting : kSettings)
    if (setting.path.size() > path.size() && setting.path.starts_with(path) &&
        setting.path[path.size()] == '.')
      return true;
  return false;
}

std::string_view group_help(std::string_view path) {
  for (const auto& group : kGroups)
    if (group.path == path) return group.help;
  return "";
}

std::string nearest_setting(std::string_view path) {
  constexpr std::size_t kLongest = 100;
  const Setting* best = nullptr;
  std::size_t least = 4;
  for (const auto& setting : kSettings) {
    if (path.size() > kLongest) break;
    if (const auto d = distance(path, setting.path); d < least) {
      least = d;
      best = &setting;
    }
  }
  return best != nullptr ? fmt::format(" (is {} meant?)", best->path) : "";
}

std::span<const Setting> settings() {
  return kSettings;
}
std::span<const Variable> variables() {
  return kVariables;
}

const Setting* find_setting(std::string_view path) {
  for (const auto& setting : kSettings)
    if (setting.path == path) return &setting;
  return nullptr;
}

}  // namespace agnes::config
