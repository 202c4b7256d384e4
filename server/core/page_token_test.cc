#include "server/core/page_token.h"

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

TEST(PageTokenTest, SaysWhereThePageEnded) {
  EXPECT_EQ(*DecodePageToken("t", EncodePageToken("web-1")), "web-1");
  EXPECT_EQ(*DecodePageToken("t", ""), "");
}

TEST(PageTokenTest, RefusesWhatNoPageEndedWith) {
  for (const std::string& token :
       {std::string("web"), std::string("%%%"), absl::WebSafeBase64Escape("before:web"),
        absl::WebSafeBase64Escape("after:"), absl::WebSafeBase64Escape("after:../etc"), EncodePageToken("Web")}) {
    EXPECT_EQ(FieldOf(DecodePageToken("page_token", token).status()), "page_token") << token;
  }
}

}  // namespace
}  // namespace sluice
