#include "features/prompts/prompts.h"

namespace agnes::prompts {

namespace {

constexpr std::string_view kSetup = R"(# Set up {{ instance.name }} on this machine

{{ instance.name }} is served at {{ server.url }}. The program `agnes` copies the tables that {{ user.email if user else "you" }}
may see into a folder, and answers questions about them with SQL.

1. Look at the install script, {{ server.url }}/cli/install.sh. It installs the program for this account only, into
   `~/.local/lib/agnes`, and asks for no password.
2. Run it, with the folder for the work as its argument:

       curl -fsSL {{ server.url }}/cli/install.sh | bash -s -- agnes

   It opens a page of {{ server.hostname }} in the browser, where the person who owns the account allows it.
3. Check that it works:

       cd agnes && agnes catalog

4. `CLAUDE.md` in that folder says how to go on. `agnes pull` fetches new data, and `agnes diagnose` says what is wrong when
   something is.
)";

constexpr std::string_view kWorkspace = R"(# {{ instance.name }}: data workspace
{% if instance.subtitle %}
{{ instance.subtitle }}
{% endif %}
This folder holds a local copy of the tables that you may see, fetched from {{ server.url }}. New data comes about every {{ sync_interval }}.

## How to work with it

1. `agnes catalog` lists the tables, `agnes schema TABLE` their columns, `agnes describe TABLE` some values. Look before you
   query.
2. `agnes query "SELECT ..."` asks the local DuckDB copy; it is quick and needs no network.
3. `agnes query --remote "SELECT ..."` asks the server, for tables that are not copied.
4. `agnes catalog --metrics` lists the agreed metrics; use their SQL instead of your own definition.
5. `agnes pull` fetches what has changed. A table that is missing has not been granted to you.

## Tables

{# Enough to know what there is; a longer list is what `agnes catalog` is for. -#}
{% for table in tables -%}
{% if loop.index <= 50 -%}
- `{{ table.name }}`{% if table.description %}: {{ table.description }}{% endif %}
{% elif loop.index == 51 -%}
- and more: `agnes catalog` lists all
{% endif -%}
{% else -%}
None yet: an administrator grants them to a group that you are in.
{% endfor -%}
{% if marketplaces %}
## Plugins

{% for place in marketplaces -%}
- {{ place.name }}: {{ place.plugins | map(attribute="name") | join(", ") }}
{% endfor -%}
{% endif %}
)";

}  // namespace

std::string_view default_template(Kind kind) {
  return kind == Kind::setup ? kSetup : kWorkspace;
}

}  // namespace agnes::prompts
