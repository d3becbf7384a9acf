// An echo server on Boost.Beast: beast_echo PORT. c++ -std=c++17 -O3 -o beast_echo beast_echo.cpp
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <cstdlib>
#include <memory>

namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;

class Session : public std::enable_shared_from_this<Session> {
public:
  explicit Session(tcp::socket socket) : stream_(std::move(socket)) {}

  void start() {
    stream_.next_layer().set_option(tcp::no_delay(true));
    stream_.read_message_max(std::size_t(1) << 30);
    stream_.async_accept([self = shared_from_this()](beast::error_code error) {
      if (!error) self->read();
    });
  }

private:
  void read() {
    stream_.async_read(buffer_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error) self->write();
    });
  }

  void write() {
    stream_.binary(stream_.got_binary());
    stream_.async_write(buffer_.data(),
                        [self = shared_from_this()](beast::error_code error, std::size_t) {
                          self->buffer_.consume(self->buffer_.size());
                          if (!error) self->read();
                        });
  }

  beast::websocket::stream<tcp::socket> stream_;
  beast::flat_buffer buffer_;
};

static void accept_next(tcp::acceptor &acceptor) {
  acceptor.async_accept([&acceptor](beast::error_code error, tcp::socket socket) {
    if (!error) std::make_shared<Session>(std::move(socket))->start();
    accept_next(acceptor);
  });
}

int main(int count, char **arguments) {
  auto port = static_cast<unsigned short>(count > 1 ? std::atoi(arguments[1]) : 0);
  asio::io_context context{1};
  tcp::acceptor acceptor{context, {asio::ip::address_v4::loopback(), port}};
  accept_next(acceptor);
  context.run();
}
