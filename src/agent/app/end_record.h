/* end_record: the telemetry record of an end, made of the facts of its report. */
#ifndef SPH_AGENT_APP_END_RECORD_H
#define SPH_AGENT_APP_END_RECORD_H

#include "agent/app/report.h"
#include "wire/telemetry.h"

/* What the facts do not have. */
struct sph_end_circumstances {
    uint64_t report_number; /* 0: none was kept */
    unsigned restarts;      /* by the device, up to this run */
    uint64_t wait_ms;       /* until the next start */
};

/* Pure. The number is given when it is kept. */
void sph_end_record_make(const struct sph_report_facts *facts,
                         const struct sph_end_circumstances *circumstances,
                         struct sph_telemetry_record *ret_record);

#endif
