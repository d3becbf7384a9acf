// An echo and publish server on uWebSockets: uwebsockets PORT. See ../servers/lunawire.lua.
//
// `./dev bench` builds it when UWEBSOCKETS names a checkout of that library, built (make) with
// WITH_OPENSSL=1; the library is nothing that systems package.
#include <App.h>
#include <cstdlib>
#include <string>

struct Data {};

template <bool TLS> static int serve(uWS::TemplatedApp<TLS> app, int port) {
  using Socket = uWS::WebSocket<TLS, true, Data>;
  using Behavior = typename uWS::TemplatedApp<TLS>::template WebSocketBehavior<Data>;
  Behavior echo, subscribe, publish;
  for (Behavior *each : {&echo, &subscribe, &publish}) {
    each->compression = std::getenv("DEFLATE") ? uWS::SHARED_COMPRESSOR : uWS::DISABLED;
    each->maxPayloadLength = 1024 * 1024 * 1024;
    each->maxBackpressure = 1024 * 1024 * 1024;
    each->idleTimeout = 120;
  }
  echo.message = [](Socket *socket, std::string_view message, uWS::OpCode code) {
    socket->send(message, code, std::getenv("DEFLATE") != nullptr);
  };
  subscribe.open = [](Socket *socket) { socket->subscribe("all"); };
  publish.message = [&app](Socket *, std::string_view message, uWS::OpCode code) {
    app.publish("all", message, code);
  };
  app.template ws<Data>("/echo", std::move(echo));
  app.template ws<Data>("/subscribe", std::move(subscribe));
  app.template ws<Data>("/publish", std::move(publish));
  app.listen("127.0.0.1", port, [](auto *listening) {
       if (!listening) std::exit(1);
     }).run();
  return 0;
}

int main(int count, char **arguments) {
  int port = count > 1 ? std::atoi(arguments[1]) : 0;
  const char *cert = std::getenv("TLS_CERT"), *key = std::getenv("TLS_KEY");
  if (cert == nullptr) return serve<false>(uWS::App(), port);
  return serve<true>(uWS::SSLApp({.key_file_name = key, .cert_file_name = cert}), port);
}
