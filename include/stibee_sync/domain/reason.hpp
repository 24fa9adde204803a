#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace stibee_sync::domain {

/// Why something cannot be sent, or why a call did not do what it should: a closed set of words, safe to log.
/// What Stibee says beyond them goes into the message beside the reason. The texts are a contract with logs,
/// dashboards and the state file. A regular value.
class Reason {
 public:
  enum Code : std::uint8_t {
    // A row of the table cannot be used.
    NullKey,              // the key column is NULL
    BadKey,               // the key is no integer
    NullEmail,            // the address column is NULL
    EmptyAddress,         // nothing but white space
    NoAtSign,             // no `@`, or nothing before it
    WhiteSpaceOrControl,  // inside the address
    AddressTooLong,       // longer than the API takes
    BadDomain,            // no domain that could receive mail
    InvalidUtf8,          // a value that is not text
    NulByte,              // a value with a NUL in it
    BadDate,              // no `yyyy-MM-dd` form: beyond the year 9999, BC, infinity
    BadArray,             // groups in a nested array
    DuplicateAddress,     // a row with a lower key bears the same address

    // By our own rules.
    ResubscribeUnsupported,  // the API has no call for it
    ConfirmationInDoubt,     // a confirmation mail may have gone out, and is not repeated by itself
    TooLarge,                // one person's values are more than a call carries; an answer more than we read

    // No answer.
    Resolve,             // the host's name has no address
    Connect,             // no address accepts connections
    Tls,                 // no common version or cipher, or broken TLS
    CertificateInvalid,  // the peer did not prove to be the host
    Timeout,             //
    ConnectionClosed,    // early, by the peer or the network
    StaleConnection,     // a kept connection had been closed by the peer: no sign of trouble
    Protocol,            // the answer is not HTTP
    Cancelled,           // by us
    Stopping,            // the daemon stops
    NotInTime,           // no call was free before the time of who asks was over
    StateFile,           // the attempt could not be kept on disk, so it was not made

    // An answer that proves nothing.
    EmptyAnswer,       //
    UnreadableAnswer,  // of a shape that we do not know
    NotNamed,          // the answer names others, but not this person

    // A person is so already, or not there any more.
    AlreadySubscribed,    //
    AlreadyUnsubscribed,  //
    AlreadyAssigned,      // to the group
    ExistEmail,           // the address is in the list
    Deny,                 // the person does not want to be mailed
    NotFound,             // nobody of this address is in the list
    GroupNotFound,        //

    // Stibee refuses a person, by the list of failures that names them.
    NoEmail,                  //
    WrongEmail,               //
    DuplicatedEmail,          // Stibee takes two addresses of one call for one
    ExistPhone,               // the telephone number is somebody else's
    WrongPhone,               //
    DuplicatedPhone,          // twice in one call
    Validation,               // of a value
    ValidationDateTime,       //
    InvalidFields,            //
    InvalidSubscriberStatus,  //
    NotExist,                 // nobody of this address is in the list
    UnknownFailure,           // by Stibee's own word
    Failed,                   // no list that we know by name

    // Stibee refuses a call, by its code.
    Unknown,                        // v1's word for a request that it cannot read
    Internal,                       // a fault of the server
    InvalidRequest,                 // v1
    ListAlreadySubscribed,          // v1
    AuthorizationNoToken,           // no key, or one that is not valid
    AuthorizationPermissionDenied,  // the key is valid, but not for this
    DataDuplicated,                 //
    DataInvalidRequest,             //
    DataLimitExceeded,              // too many calls, or too much in one
    DataTooLongData,                //
    ListAlreadyExistEmail,          //
    ListAlreadyExistGroup,          //
    ListExceededSubscribers,        // more than the plan has room for
    ListInvalidData,                //
    ListInvalidEmail,               //
    ListInvalidSubscriberVar,       // a field that the list has not, or a value that it does not take
    ListLimitExceeded,              //
    ListNoSuchGroup,                //
    ListNotExistEmail,              //
    ListNotFound,                   // no list has the mirror's id
    ListNotPermittedSenderDomain,   // a confirmation mail may not come from the list's sender
    ListTooLongData,                //
    ListTooManyGroups,              //
    ListTooManySubscribers,         // in one call
    ServiceNeedProPlan,             //

    // Stibee refuses a call, and nothing better is known.
    Refused,     // with a status that speaks of success
    HttpStatus,  // has the status; the last
  };

  constexpr Reason(Code code) : code_(code) {}  // NOLINT(google-explicit-constructor): it is one
  /// "http_503".
  static constexpr Reason http(int status) {
    Reason reason(HttpStatus);
    reason.status_ = static_cast<std::int16_t>(status);
    return reason;
  }

  /// For a `switch`.
  constexpr Code code() const { return code_; }
  /// 0 for all but HttpStatus.
  constexpr int http_status() const { return status_; }

  friend constexpr auto operator<=>(const Reason&, const Reason&) = default;

 private:
  Code code_;
  std::int16_t status_ = 0;
};

std::string name(std::optional<Reason> reason);  // "wrong_email", "http_503", "" for none
/// The reverse; nullopt for any other text.
std::optional<Reason> reason_from(std::string_view text);

/// All but those with an HTTP status.
std::span<const Reason> all_reasons();
/// Rows and people are known to be parked with this reason: the metric counts it by its name, and whatever
/// else parks somebody as `other`.
bool parks(Reason reason);

}  // namespace stibee_sync::domain
