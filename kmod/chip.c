// SPDX-License-Identifier: GPL-2.0
#include <linux/moduleparam.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/tpm.h>

#include "chip.h"
#include "compat.h"
#include "instance.h"
#include "request.h"

/*
 * Software takes /dev/tpm0 and /dev/tpmrm0 for the host's own TPM. On a host
 * without one the first vTPM would get these names, and with them the host's
 * disk keys and measurements. So the number 0 goes to a chip that is never
 * registered, once the first vTPM would have it and not before: a TPM of the
 * host that is found late still comes first.
 */
static bool leave_tpm0 = true;
module_param(leave_tpm0, bool, 0444);
MODULE_PARM_DESC(leave_tpm0, "Let no vTPM be /dev/tpm0 (default: y)");

static struct tpm_chip *vtpm_placeholder;

static struct vtpm_instance *chip_to_instance(struct tpm_chip *chip)
{
	return container_of(chip->dev.parent, struct vtpm_instance, dev);
}

/*
 * The TPM core polls .status with a sleep after .send, unless it finds the
 * command complete at the first look. So .send waits for the answer.
 */
static int vtpm_chip_send(VTPM_SEND_ARGS)
{
	struct vtpm_instance *inst = chip_to_instance(chip);
	ssize_t rc = vtpm_request_run(inst, buf, len);

	if (rc < 0)
		return rc;
#if VTPM_SEND_IN_PLACE
	return vtpm_request_copy(inst, buf, size);
#else
	return 0;
#endif
}

static int vtpm_chip_recv(struct tpm_chip *chip, u8 *buf, size_t size)
{
	return vtpm_request_copy(chip_to_instance(chip), buf, size);
}

static u8 vtpm_chip_status(struct tpm_chip *chip)
{
	return 0;
}

static bool vtpm_chip_req_canceled(struct tpm_chip *chip, u8 status)
{
	return false;
}

static void vtpm_chip_cancel(struct tpm_chip *chip)
{
	vtpm_request_cancel(chip_to_instance(chip));
}

/*
 * The core asks this of every client, with the chip locked, before it looks at
 * the command.
 */
static int vtpm_chip_cmd_ready(struct tpm_chip *chip)
{
	struct vtpm_instance *inst = chip_to_instance(chip);
	struct task_struct *closer = READ_ONCE(inst->closer);

	return closer && closer != current ? -ENODEV : 0;
}

/* The core calls this with the chip locked, as it does .send. */
static int vtpm_chip_request_locality(struct tpm_chip *chip, int locality)
{
	struct vtpm_instance *inst = chip_to_instance(chip);

	if (locality < 0 || locality > VTPM_LOCALITY_MAX)
		return -EINVAL;
	spin_lock(&inst->lock);
	inst->locality = locality;
	spin_unlock(&inst->lock);
	return locality;
}

static int vtpm_chip_relinquish_locality(struct tpm_chip *chip, int locality)
{
	return 0;
}

/*
 * The kernel makes the nodes with the owner and mode of the instance, so that
 * there is no moment with others; udev takes them from its events.
 */
static char *vtpm_chip_devnode(VTPM_DEVNODE_DEVICE *dev, umode_t *mode,
			       kuid_t *uid, kgid_t *gid)
{
	const struct vtpm_instance *inst =
		container_of(dev->parent, struct vtpm_instance, dev);

	if (mode)
		*mode = inst->owner.mode;
	if (uid)
		*uid = inst->owner.uid;
	if (gid)
		*gid = inst->owner.gid;
	return NULL;
}

static const struct device_type vtpm_chip_type = {
	.name = "vtpm",
	.devnode = vtpm_chip_devnode,
};

static const struct tpm_class_ops vtpm_chip_ops = {
	.flags = TPM_OPS_AUTO_STARTUP,
	/* Complete whatever .status says. */
	.req_complete_mask = 0,
	.req_complete_val = 0,
	.req_canceled = vtpm_chip_req_canceled,
	.send = vtpm_chip_send,
	.recv = vtpm_chip_recv,
	.status = vtpm_chip_status,
	.cancel = vtpm_chip_cancel,
	.cmd_ready = vtpm_chip_cmd_ready,
	.request_locality = vtpm_chip_request_locality,
	.relinquish_locality = vtpm_chip_relinquish_locality,
};

static void vtpm_chip_publish_nodes(struct vtpm_instance *inst, bool valid)
{
	struct tpm_chip *chip = inst->chip;

	spin_lock(&inst->lock);
	inst->nodes.valid = valid;
	inst->nodes.number = chip->dev_num;
	inst->nodes.tpm = chip->dev.devt;
	inst->nodes.tpmrm = chip->devs.devt;
	spin_unlock(&inst->lock);
}

static struct tpm_chip *vtpm_chip_alloc(struct vtpm_instance *inst)
{
	struct tpm_chip *chip = tpm_chip_alloc(&inst->dev, &vtpm_chip_ops);

	if (IS_ERR(chip) || chip->dev_num || !leave_tpm0)
		return chip;
	/* Nobody else can get the number 0 while this chip has it. */
	chip->dev.parent = NULL;
	vtpm_placeholder = chip;
	return tpm_chip_alloc(&inst->dev, &vtpm_chip_ops);
}

void vtpm_chip_exit(void)
{
	if (vtpm_placeholder)
		put_device(&vtpm_placeholder->dev);
}

int vtpm_chip_register(struct vtpm_instance *inst)
{
	struct tpm_chip *chip;
	int rc;

	chip = vtpm_chip_alloc(inst);
	if (IS_ERR(chip))
		return PTR_ERR(chip);
	/*
	 * VIRTUAL: no firmware event log is looked for. No hwrng: a vTPM must
	 * not feed the host's random generator. ALWAYS_POWERED: no TPM2_Shutdown
	 * at suspend, which no helper could answer, since all processes are
	 * frozen by then; they and their TPMs wake up as they were.
	 */
	chip->flags |= TPM_CHIP_FLAG_TPM2 | TPM_CHIP_FLAG_VIRTUAL |
		       TPM_CHIP_FLAG_HWRNG_DISABLED |
		       TPM_CHIP_FLAG_ALWAYS_POWERED | VTPM_CHIP_FLAGS;

	chip->dev.type = &vtpm_chip_type;	/* /dev/tpmN */
	chip->devs.type = &vtpm_chip_type;	/* /dev/tpmrmN */

	rc = tpm_chip_register(chip);
	if (rc) {
		put_device(&chip->dev);
		/* The core passes a TPM response code on as a positive value. */
		return rc > 0 ? -EIO : rc;
	}
	inst->chip = chip;
	/*
	 * The core takes a TPM that fails while it is probed for one that
	 * waits for new firmware, and registers half of it.
	 */
	if (chip->flags & TPM_CHIP_FLAG_FIRMWARE_UPGRADE) {
		vtpm_chip_unregister(inst);
		return -EIO;
	}
	vtpm_chip_publish_nodes(inst, true);
	device_lock(&inst->dev);
	dev_set_drvdata(&inst->dev, chip);	/* for suspend and resume */
	device_unlock(&inst->dev);
	return 0;
}

/*
 * The core frees what it knows of the TPM's commands with the device, and only
 * then shuts out clients that have it open, who may just be reading it. So
 * they are shut out, and waited for, before.
 */
static void vtpm_chip_close(struct vtpm_instance *inst)
{
	WRITE_ONCE(inst->closer, current);
	down_write(&inst->chip->ops_sem);
	up_write(&inst->chip->ops_sem);
}

void vtpm_chip_unregister(struct vtpm_instance *inst)
{
	device_lock(&inst->dev);
	dev_set_drvdata(&inst->dev, NULL);
	device_unlock(&inst->dev);
	vtpm_chip_close(inst);
	tpm_chip_unregister(inst->chip);
	inst->closer = NULL;
	vtpm_chip_publish_nodes(inst, false);
	put_device(&inst->chip->dev);
	inst->chip = NULL;
}
