/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include <assert.h>

#include "ota/err.h"

int stream_error_ota(int error)
{
	switch (-error) {
	case STREAM_E_CLOSED:
		return -OTA_E_CLOSED;
	case STREAM_E_RESET:
		return -OTA_E_RESET;
	case STREAM_E_NAME:
		return -OTA_E_DNS;
	case STREAM_E_MEM:
		return -OTA_E_MEMORY;
	default:
		assert(error == -STREAM_E_REFUSED);
		return -OTA_E_CONNECT;
	}
}
