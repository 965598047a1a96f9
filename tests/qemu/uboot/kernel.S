/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest kernel for U-Boot's tests: says "kernel X el=N" and then does what its last byte says:
 *   s  stop the watchdog and stay    h  hang, the watchdog running    r  reset at once, by PSCI
 * The test writes X and that byte over the two marks in `words`. Position-independent, MMU off, no stack.
 */
.global _start
_start:
	adr	x20, words
	mrs	x21, CurrentEL
	lsr	x21, x21, #2
	add	w1, w21, #'0'
	strb	w1, [x20, #(el - words)]
	ldr	x1, =0x9000000		/* PL011 data register */
	mov	x2, x20
say:	ldrb	w3, [x2], #1
	cbz	w3, said
	str	w3, [x1]
	b	say
said:	ldrb	w1, [x20, #(action - words)]
	cmp	w1, #'r'
	b.eq	reset
	cmp	w1, #'s'
	b.ne	stay
	/* Intel 6300ESB on PCI bus 0: clear WDT_ENABLE in its lock register. */
	ldr	x2, =0x4010000000
	ldr	w3, =0x25ab8086
	mov	w4, #32
find:	ldr	w5, [x2]
	cmp	w5, w3
	b.eq	found
	add	x2, x2, #0x8000
	subs	w4, w4, #1
	b.ne	find
	b	stay
found:	strb	wzr, [x2, #0x68]
stay:	wfi
	b	stay
reset:	ldr	w0, =0x84000009		/* PSCI SYSTEM_RESET */
	cmp	x21, #1
	b.ne	1f
	hvc	#0
1:	smc	#0
	b	stay
words:	.ascii	"kernel @ el="
el:	.asciz	"?\n"
action:	.ascii	"!"
	.balign	8
	.ltorg
