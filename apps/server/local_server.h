// LocalServer: the API of the server that runs on a data directory of this machine, or of another by its URL.
//
// Units      none.
// Ownership  owns its connection.
// Threading  one object, one thread.
// Errors     find: kUnavailable where the directory does not say where its server listens. get, post: HttpClient's; an
//            answer with status 400 or above is an error with the server's message.
// Limits     CurlClient's.
#pragma once

#include <memory>
#include <string>

#include "base/fs/file.h"
#include "surface/cli/http_client.h"

namespace dragonfly {

class LocalServer {
 public:
  static Result<LocalServer> find(const Path& data);
  explicit LocalServer(std::string url, std::string authority_file = {});

  const std::string& url() const { return url_; }
  Result<std::string> get(const std::string& path) { return ask({"GET", url_ + path, {}}); }
  Result<std::string> post(const std::string& path, std::string body, std::string content_type = "text/plain") {
    return ask({"POST", url_ + path, std::move(body), std::move(content_type)});
  }

 private:
  Result<std::string> ask(const HttpCall& call);

  std::string url_;
  std::unique_ptr<CurlClient> client_;
};

}  // namespace dragonfly
