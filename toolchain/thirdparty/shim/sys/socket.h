/* SPDX-License-Identifier: Apache-2.0 */
/* libmosquitto includes this header; on the device it needs nothing of it. */
