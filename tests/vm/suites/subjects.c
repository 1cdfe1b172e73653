#include "suite.h"
void cases_subjects(struct suite *s){(void)s;}
