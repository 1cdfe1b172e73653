/* SPDX-License-Identifier: Apache-2.0 */
/* All findings about a resolved policy, errors first. What it says is certain; where it cannot tell it is silent. */
#include "policy/check.h"

#include <errno.h>

int policy_check(const struct ast *a, const struct names *n, struct diags *d)
{
	size_t before = d->errors_count;
	int r = check_separations(a, n, d);

	if (r != -ENOMEM)
		r = check_admin(a, n, d);
	if (r == -ENOMEM)
		return r;
	check_rules(a, d);
	check_names(a, d);
	check_means(a, d);
	check_programs(a, d);
	check_tests(a, d);
	return d->nomem ? -ENOMEM : d->errors_count > before ? -EINVAL : 0;
}
