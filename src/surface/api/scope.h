// Inside surface/api: the parts as a principal of single namespaces sees them. What lies in other namespaces is not there:
// handlers need not know of scopes.
//
// Units      none.
// Ownership  borrows the parts, which outlive it; owns the views.
// Threading  of(): any thread, a mutex held for a look-up. Views are as thread-safe as what they show.
// Errors     what would make something or write lines: kPermissionDenied.
// Limits     a view for each scope that was seen; there are no more than tokens.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "fleet/access/principal.h"
#include "surface/api/api.h"

namespace dragonfly {

class Scopes {
 public:
  explicit Scopes(const ApiParts& parts);
  ~Scopes();
  // Lives as long as this.
  const ApiParts& of(const Scope& scope);

 private:
  struct View;
  const ApiParts& parts_;
  std::mutex mutex_;  // Of the map.
  std::map<Scope, std::unique_ptr<View>> views_;
};

}  // namespace dragonfly
