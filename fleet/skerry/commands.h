/* SPDX-License-Identifier: Apache-2.0 */
/* Every command, each in its file cmd_*.c; main.c has the table. */
#ifndef SKERRY_COMMANDS_H
#define SKERRY_COMMANDS_H

#include "skerry/cli.h"

extern const struct command command_init;
extern const struct command command_image_build, command_image_sign, command_image_inspect, command_image_list;
extern const struct command command_device_add, command_device_list, command_device_show;
extern const struct command command_device_set, command_device_remove;
extern const struct command command_group_list, command_group_set, command_group_remove, command_audit, command_backup;
extern const struct command command_channel_list, command_channel_set, command_channel_remove;
extern const struct command command_image_remove, command_image_prune;
extern const struct command command_device_disk, command_device_revoke;
extern const struct command command_enrol_create, command_enrol_list, command_enrol_revoke;
extern const struct command command_keys_init, command_keys_show, command_keys_rotate, command_keys_revoke;
extern const struct command command_keys_add, command_keys_push;
extern const struct command command_update;
extern const struct command command_job_list, command_job_show, command_job_wait, command_job_cancel;
extern const struct command command_rollout_create, command_rollout_plan, command_rollout_list, command_rollout_show;
extern const struct command command_rollout_targets, command_rollout_watch, command_rollout_start,
	command_rollout_pause;
extern const struct command command_rollout_resume, command_rollout_abort, command_rollout_rollback;
extern const struct command command_rollout_retry, command_rollout_approve, command_rollout_close;
extern const struct command command_crash_list, command_crash_show;
extern const struct command command_webhook_add, command_webhook_list, command_webhook_remove, command_webhook_test;
extern const struct command command_token_create, command_token_list, command_token_revoke;
extern const struct command command_tenant_add, command_tenant_list, command_whoami;
extern const struct command command_logs, command_events, command_telemetry, command_cmd, command_status;

#endif
