-- Certificates for specs, made by openssl(1) when they are first asked for.
--
--     local certificates = require "spec.certificates"
--     certificates.path("server.crt")
--
--   ca.crt                         the authority, on its own
--   server.crt  server.key         for localhost, 127.0.0.1 and ::1
--   other.crt                      for *.x.org and y.org, same key as all below
--   a.crt  b.crt                   for a.example; for *.b.example
--   expired.crt                    as server.crt, until yesterday
--   self.crt                       as server.crt, signed by itself
--   deep.crt  middle.crt           as server.crt, by an authority between; that authority
--   chain.crt                      both of these
--   client.crt                     of "CN=a client"
--   stranger.crt                   of "CN=a stranger", by an authority that nobody knows
--   encrypted.key  another.key     server.key with a password; another one

local helper = require "spec.helper"

local certificates = {}

local script = [==[
set -e
cd "$1"
names=DNS:localhost,IP:127.0.0.1,IP:::1
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
# sign <file> <subject> <names> <days> <authority> <its key> [more extensions]
sign() {
  printf 'basicConstraints=%s\n' "${7:-CA:FALSE}" > ext
  [ -z "$3" ] || printf 'subjectAltName=%s\n' "$3" >> ext
  openssl req -new -key server.key -subj "$2" -out req
  openssl x509 -req -in req -CA "$5" -CAkey "$6" -set_serial "$serial" -days "$4" -extfile ext \
    -out "$1"
  serial=$((serial + 1))
}
serial=1
for name in ca server stranger-ca another; do key $name.key; done
authority='-addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign'
openssl req -x509 -new -key ca.key -days 30 -subj '/CN=the authority' -out ca.crt
openssl req -x509 -new -key stranger-ca.key -days 30 -subj '/CN=nobody' -out stranger-ca.crt
openssl req -x509 -new -key server.key -days 30 -subj /CN=localhost -addext subjectAltName=$names \
  -out self.crt
sign server.crt /CN=localhost $names 30 ca.crt ca.key
sign other.crt /CN=x.org 'DNS:*.x.org,DNS:y.org' 30 ca.crt ca.key
sign a.crt /CN=a.example DNS:a.example 30 ca.crt ca.key
sign b.crt /CN=b.example 'DNS:*.b.example' 30 ca.crt ca.key
sign expired.crt /CN=localhost $names -1 ca.crt ca.key
sign middle.crt '/CN=the one between' '' 30 ca.crt ca.key critical,CA:TRUE
sign deep.crt /CN=localhost $names 30 middle.crt server.key
cat deep.crt middle.crt > chain.crt
sign client.crt '/CN=a client' '' 30 ca.crt ca.key
sign stranger.crt '/CN=a stranger' '' 30 stranger-ca.crt stranger-ca.key
openssl pkey -in server.key -aes256 -passout pass:secret -out encrypted.key
]==]

local directory, sentinel

local function remove()
  os.execute("exec env -u LD_PRELOAD rm -r '" .. directory .. "'")
end

local function make()
  local status, out, err = helper.run { "mktemp", "-d" }
  assert(status == 0, err)
  directory = out:match("%S+")
  status, out, err = helper.run { "sh", "-c", script, "sh", directory, timeout = 60 }
  assert(status == 0, out .. err)
  if newproxy then -- Lua 5.1 finalizes no tables
    sentinel = newproxy(true)
    getmetatable(sentinel).__gc = remove
  else
    sentinel = setmetatable({}, { __gc = remove })
  end
  certificates.sentinel = sentinel
end

function certificates.path(name)
  if not directory then make() end
  return directory .. "/" .. name
end

-- The option `tls` of a server with this certificate and the key that most have.
function certificates.server(name, more)
  local tls = { cert = certificates.path((name or "server") .. ".crt"),
    key = certificates.path("server.key") }
  for key, value in pairs(more or {}) do tls[key] = value end
  return tls
end

-- The option `tls` of a client that trusts the authority.
function certificates.client(more)
  local tls = { ca = certificates.path("ca.crt") }
  for key, value in pairs(more or {}) do tls[key] = value end
  return tls
end

return certificates
