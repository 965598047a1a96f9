/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every way in which the world can fail, once: name, number, class, sentence. A call returns 0 or -OTA_E_<NAME>.
 * Names and numbers travel in reports and logs (SPEC §8): a number is never changed nor used again.
 *
 * Classes: RETRY, the same attempt may succeed later; PERMANENT, it cannot until somebody changes something;
 * SECURITY, what arrived was not what its name or signature promised. The class is advice for the caller, it decides
 * nothing by itself.
 */
#ifndef OTA_ERR_H
#define OTA_ERR_H

/* clang-format off */
#define OTA_ERRORS(X) \
	/* the manifest and what it promises */ \
	X(SIG, 1, SECURITY, "no signature by a trusted release key") \
	X(DIGEST, 2, SECURITY, "the bytes are not those that the manifest names") \
	X(FORMAT, 3, PERMANENT, "the bytes do not have the form that the specification asks for") \
	X(UNSUPPORTED, 4, PERMANENT, "well-formed, but asks for something that this device cannot do") \
	X(VENDOR, 5, PERMANENT, "the image is for another vendor's devices") \
	X(CLASS, 6, PERMANENT, "the image is for another board") \
	X(DEVICE, 7, PERMANENT, "the image is for another device") \
	X(COUNTER, 8, SECURITY, "the image's security counter is below the device's floor") \
	X(SIZE, 9, PERMANENT, "the image does not fit into the slot") \
	X(SAME, 10, PERMANENT, "this image runs already") \
	X(FAILED_BEFORE, 11, PERMANENT, "this image failed on this device before; send the job with retry to try it again") \
	X(PRECURSOR, 12, PERMANENT, "the image applies to another running image") \
	X(MANIFEST_SIZE, 13, PERMANENT, "the manifest is longer than 16 KiB") \
	/* who may say what is to be run */ \
	X(KEYSET, 14, SECURITY, "no threshold of the root keys signed this keyset; offer the one that `skerry keys` made") \
	X(KEYSET_VERSION, 15, RETRY, "made for another keyset than the device's; send it each version in between first") \
	X(ASSIGNMENT, 16, SECURITY, "no threshold of the fleet keys assigned this image to the device; assign it again") \
	X(REPLAYED, 17, SECURITY, "an assignment older than the last one, or the answer to another request; send a new one") \
	X(EXPIRED, 18, SECURITY, "the assignment has expired; check the server's clock and send a new one") \
	X(SCOPE, 19, SECURITY, "the assignment is for another device or class of devices") \
	/* storage */ \
	X(IO, 20, RETRY, "the block device failed") \
	X(READBACK, 21, RETRY, "the slot does not hold what was written to it") \
	X(RECORD, 22, RETRY, "both copies of the boot record were lost; it was rebuilt") \
	X(JOURNAL, 23, RETRY, "both copies of the journal were lost") \
	X(NO_SLOTS, 24, PERMANENT, "the device was not started by the boot loader and cannot be updated") \
	X(PROVISION, 25, PERMANENT, "the device has no valid provisioning") \
	/* the update */ \
	X(BUSY, 30, RETRY, "another update is under way") \
	X(TRIAL, 31, RETRY, "the running image is on trial; updates wait until it is confirmed") \
	X(CANCELLED, 32, PERMANENT, "the operator withdrew the job") \
	X(DEADLINE, 33, RETRY, "the update did not end within its time") \
	X(ROLLED_BACK, 36, PERMANENT, "the image was tried and not confirmed; the device went back to the one before") \
	/* the job */ \
	X(JSON, 40, PERMANENT, "not valid JSON, or a member is missing or of another type") \
	X(JOB, 41, PERMANENT, "the job document is not one that this agent knows") \
	X(URL, 42, PERMANENT, "no https address in the job, or one that is malformed or too long") \
	X(TOO_LONG, 43, PERMANENT, "longer than the limit") \
	X(ARG, 44, PERMANENT, "an argument is out of its range") \
	X(MEMORY, 45, RETRY, "out of memory") \
	/* network */ \
	X(DNS, 60, RETRY, "the host name was not resolved") \
	X(CONNECT, 61, RETRY, "no TCP connection") \
	X(RESET, 62, RETRY, "the peer reset the connection") \
	X(TIMEOUT, 63, RETRY, "no answer in time") \
	X(CLOSED, 64, RETRY, "the peer closed the connection") \
	X(NO_NETWORK, 65, RETRY, "no network, or no address yet") \
	X(TRUNCATED, 66, RETRY, "the body ended early") \
	X(SLOW, 67, RETRY, "the body comes below the minimum rate") \
	X(ENTROPY, 68, RETRY, "no random numbers; refusing to start TLS") \
	/* TLS */ \
	X(TLS, 70, RETRY, "the TLS handshake or connection failed") \
	X(TLS_CERT, 71, SECURITY, "the peer's certificate is not trusted") \
	X(TLS_NAME, 72, SECURITY, "the peer's certificate is for another name") \
	X(TLS_RECORD, 73, SECURITY, "a TLS record was malformed or not authentic") \
	X(TLS_ALERT, 74, RETRY, "the peer ended TLS with an alert") \
	X(TLS_VERSION, 75, PERMANENT, "the peer speaks no TLS version that is accepted here") \
	X(TLS_KEY, 76, PERMANENT, "the device's own key or certificate cannot be used") \
	X(TLS_TRUNCATED, 77, RETRY, "the connection ended without close_notify") \
	/* HTTP */ \
	X(HTTP_STATUS, 80, RETRY, "the server answered with an error status") \
	X(HTTP_FORMAT, 81, RETRY, "the answer is not valid HTTP/1.1") \
	X(HTTP_RANGE, 82, RETRY, "Content-Range is not what was asked for") \
	X(HTTP_LENGTH, 83, RETRY, "Content-Length contradicts the manifest") \
	X(HTTP_REDIRECT, 84, RETRY, "too many redirects, or one that is not https") \
	X(HTTP_TOO_LONG, 85, RETRY, "the body or a header is longer than allowed") \
	/* MQTT */ \
	X(MQTT, 90, RETRY, "the MQTT connection failed") \
	X(MQTT_REFUSED, 91, RETRY, "the broker refused the connection") \
	X(MQTT_AUTH, 92, PERMANENT, "the broker does not accept this identity") \
	X(MQTT_PROTOCOL, 93, RETRY, "the broker broke the protocol") \
	X(MQTT_KEEPALIVE, 94, RETRY, "the broker stopped answering")
/* clang-format on */

enum ota_error_class { OTA_CLASS_RETRY = 1, OTA_CLASS_PERMANENT = 2, OTA_CLASS_SECURITY = 3 };

#define OTA_ERROR_ENUM(name, number, class_, text) OTA_E_##name = (number),
enum ota_error { OTA_ERRORS(OTA_ERROR_ENUM) };
#undef OTA_ERROR_ENUM

/* Each takes a code with either sign. Static strings, never NULL: "OK" for 0, "E_?" for a number that is not in the table. */
const char *ota_err_name(int code);           /* "E_SIG" */
const char *ota_err_text(int code);           /* the sentence */
enum ota_error_class ota_err_class(int code); /* PERMANENT for an unknown number */

#endif
