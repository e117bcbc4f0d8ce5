#include "features/client/client_routes.h"

#include <re2/re2.h>

#include "contract/client.h"
#include "features/client/client_package.h"
#include "lib/base/signature.h"
#include "lib/base/text.h"

namespace agnes::client {

namespace {

struct Latest {
  std::optional<std::string> version, wheel_filename, download_url_path;
};
BOOST_DESCRIBE_STRUCT(Latest, (), (version, wheel_filename, download_url_path))

// Of what a file name may be made so that it means nothing to a shell or in a header.
bool is_plain_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == '+';
  });
}

// The wheel whose name sorts last; the contract's rule.
std::optional<fs::path> wheel_in(const std::string& folder) {
  if (folder.empty()) return std::nullopt;
  std::optional<fs::path> last;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().extension() == ".whl" && is_plain_name(entry.path().filename().string()) &&
        (!last || *last < entry.path()))
      last = entry.path();
  return last;
}

http::Response send_file(const fs::path& file, const std::string& name) {
  auto body = http::FileBody::open(file, "application/octet-stream");
  body.download_name = name;
  return http::Response::file(std::move(body));
}

// In the state folder. Clients that have seen its public key take packages of no other.
constexpr const char* kKeyFile = "client_signing_key";
constexpr const char* kNoWheel =
    "there is no Python package here; install the client with: curl -fsSL <this server>/cli/install.sh | "
    "bash";
constexpr const char* kNoPackage = "there is no client beside this server: put the program `agnes` there";

// Everything happens in a function that is called on the last line, so that a script that was cut off does
// nothing. A new version is put beside the old one and tried before a link is turned over to it.
constexpr std::string_view kScript = R"sh(#!/usr/bin/env bash
# Installs the command `agnes` from @SERVER@ for this account: the program in ~/.local/lib/agnes, a link to it in
# ~/.local/bin. Nothing else is changed, but for the server's address where no other is configured. With a folder's name
# (bash -s -- FOLDER) that folder becomes a workspace: you are asked to sign in, and your tables are fetched.
set -euo pipefail

server='@SERVER@'
platform='@PLATFORM@'
wheel='@WHEEL@'
work=''

fail() {
  echo "agnes: $*" >&2
  exit 1
}

# A value of the JSON object in $facts: names and numbers only, so that nothing in it means anything to a shell.
field() {
  sed -n 's/.*"'"$1"'" *: *"\([A-Za-z0-9._-]*\)".*/\1/p' <<<"$facts"
}

install_package() {
  local lib="$HOME/.local/lib/agnes" bin="$HOME/.local/bin" facts file sum version target old folder
  command -v sha256sum >/dev/null || fail "sha256sum is needed"
  mkdir -p "$lib" "$bin"
  work=$(mktemp -d "$lib/.new.XXXXXX")
  facts=$(curl -fsSL --retry 3 "$server/cli/package") || fail "$server has no client to offer"
  file=$(field filename) sum=$(field sha256) version=$(field version)
  [ -n "$file" ] && [ -n "$sum" ] && [ -n "$version" ] || fail "$server/cli/package makes no sense"
  echo "Fetching agnes $version from $server"
  curl -fsSL --retry 3 -o "$work/package.tar.gz" "$server/cli/package/$file" || fail "the download failed; try again"
  echo "$sum  $work/package.tar.gz" | sha256sum --check --status - || fail "what arrived is not what $server sent; try again"
  mkdir "$work/agnes"
  tar -xzf "$work/package.tar.gz" -C "$work/agnes"
  "$work/agnes/agnes" --version >/dev/null || fail "it does not run here; it needs a Linux as recent as Debian 12"
  target="$lib/$version-${sum:0:12}"
  old=$(readlink "$bin/agnes" || true)
  [ -d "$target" ] || mv "$work/agnes" "$target"
  ln -s "$target/agnes" "$work/link"
  mv -f "$work/link" "$bin/agnes"
  # The version before stays for what still runs.
  for folder in "$lib"/*/; do
    case "$folder" in
      "$target/" | "${old%/agnes}/") ;;
      *) rm -rf "$folder" ;;
    esac
  done
}

install_wheel() {
  work=$(mktemp -d)
  echo "Fetching $wheel from $server"
  curl -fsSL --retry 3 -o "$work/$wheel" "$server/cli/wheel/$wheel" || fail "the download failed; try again"
  if command -v uv >/dev/null; then
    uv tool install --force "$work/$wheel"
  else
    python3 -m pip install --user --force-reinstall "$work/$wheel"
  fi
}

main() {
  local here config known input=/dev/null
  trap 'rm -rf "$work"' EXIT
  here="$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)"
  if [ -n "$platform" ] && [ "$here" = "$platform" ]; then
    install_package
  elif [ -n "$wheel" ]; then
    install_wheel
  else
    fail "$server has a client for ${platform:-no platform}, and this is $here; ask its administrator"
  fi
  config="${AGNES_CONFIG_DIR:-$HOME/.config/agnes}"
  known=$(sed -n 's/^server: *//p' "$config/config.yaml" 2>/dev/null || true)
  if [ -z "$known" ]; then
    (umask 077 && mkdir -p "$config" && echo "server: $server" >>"$config/config.yaml")
  elif [ "$known" != "$server" ]; then
    echo "The configured server stays $known"
  fi
  case ":$PATH:" in
    *":$HOME/.local/bin:"*) ;;
    *) echo "Sign in again, or run: export PATH=\"\$HOME/.local/bin:\$PATH\"" ;;
  esac
  if [ $# -eq 0 ]; then
    echo "Installed. In a folder for your work: agnes init --server-url $server"
    return
  fi
  # Standard input is this script: who types, types on the terminal.
  (: </dev/tty) 2>/dev/null && input=/dev/tty
  PATH="$HOME/.local/bin:$PATH" agnes init --server-url "$server" --workspace "$1" <"$input"
}

main "$@"
)sh";

}  // namespace

bool is_plain_address(const std::string& address) {
  static const re2::RE2 kPlain(R"(https?://([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?)");
  return re2::RE2::FullMatch(address, kPlain);
}

std::string install_script(const std::string& server, const std::string& platform, const std::string& wheel) {
  return replaced(replaced(replaced(std::string(kScript), "@SERVER@", server), "@PLATFORM@", platform),
                  "@WHEEL@", wheel);
}

void add_client_routes(http::Routes& routes, const config::Places& places, const app::PublicAddress& address,
                       const ClientSettings& settings) {
  using http::Auth;
  std::error_code error;
  const auto program = fs::read_symlink("/proc/self/exe", error);
  const auto find_wheel = [folder = settings.dist_dir] { return wheel_in(folder); };
  const auto packages = std::make_shared<ClientPackages>(program.parent_path(), places.data / "tmp");

  routes.get(
      "/cli/latest",
      {.auth = Auth::none, .tag = "client", .summary = "The Python client's package, if there is one"},
      [find_wheel] {
        const auto wheel = find_wheel();
        if (!wheel) return Latest{};
        const std::string name = wheel->filename();
        const auto parts = split(wheel->stem().string(), '-');
        return Latest{parts.size() > 1 ? std::optional(parts[1]) : std::nullopt, name, "/cli/wheel/" + name};
      });
  routes.get("/cli/download",
             {.auth = Auth::none,
              .tag = "client",
              .summary = "The Python client's package",
              .answer_type = "application/octet-stream"},
             [find_wheel] {
               const auto wheel = find_wheel();
               if (!wheel) throw Error(ErrorKind::not_found, kNoWheel);
               return send_file(*wheel, wheel->filename());
             });
  routes.get("/cli/wheel/{wheel_name}",
             {.auth = Auth::none,
              .tag = "client",
              .summary = "The same by its name",
              .answer_type = "application/octet-stream"},
             [find_wheel](const http::Param<"wheel_name">& name) {
               const auto wheel = find_wheel();
               if (!wheel || wheel->filename() != *name) throw Error(ErrorKind::not_found, kNoWheel);
               return send_file(*wheel, *name);
             });
  routes.get("/cli/package",
             {.auth = Auth::none, .tag = "client", .summary = "The client for the server's own platform"},
             [packages, key = SigningKey::load_or_make(places.state / kKeyFile)] {
               const auto package = packages->current();
               if (!package) throw Error(ErrorKind::not_found, kNoPackage);
               contract::ClientPackage out{.version = package->version,
                                           .platform = package->platform,
                                           .filename = package->filename,
                                           .download_url_path = "/cli/package/" + package->filename,
                                           .size = package->size,
                                           .sha256 = package->sha256,
                                           .public_key = key.public_key(),
                                           .signature = {}};
               out.signature = key.sign(contract::signed_text(out));
               return out;
             });
  routes.get("/cli/package/{filename}",
             {.auth = Auth::none,
              .tag = "client",
              .summary = "Its archive: the program and its libraries",
              .answer_type = "application/gzip"},
             [packages](const http::Param<"filename">& name) {
               const auto package = packages->current();
               if (!package || package->filename != *name) throw Error(ErrorKind::not_found, kNoPackage);
               return send_file(package->file, package->filename);
             });
  routes.get(
      "/cli/install.sh",
      {.auth = Auth::none,
       .tag = "client",
       .summary = "A script that installs the client",
       .answer_type = "text/plain"},
      [packages, address, find_wheel](const http::Request& request) {
        const std::string server = address.for_request(request);
        if (!is_plain_address(server))
          throw Error(ErrorKind::bad_request,
                      "this server's address makes no install script: ask for it by a plain host name");
        const auto wheel = find_wheel();
        http::Response response = http::Response::text(install_script(
            server, packages->available() ? platform_name() : "", wheel ? wheel->filename().string() : ""));
        response.header("Cache-Control", "no-store");
        return response;
      });
}

}  // namespace agnes::client
