// Facts and instructions of the machine for which Swift has no spelling. Headers only: every function is inlined.
#ifndef CMARTLET_H
#define CMARTLET_H

#include "CMartletCPU.h"
#include "CMartletSystem.h"

#endif
