#!/usr/bin/env bash
# Gives each reader of binary files what libFuzzer makes of the samples: fuzz.sh PROGRAM FOLDER SECONDS
#
# FLOWDECK_FUZZ_READERS="parquet arrow" tries only these.
#
# FOLDER keeps what was found to be worth trying; a reader that fails leaves its input there too, and the script says where.
set -euo pipefail
program=$1 folder=$2 seconds=$3
cd "$(dirname "${BASH_SOURCE[0]}")/.."
samples=$(realpath -m "${FLOWDECK_SAMPLES:-../shared/samples}")

failed=0 passed=0
for reader in ${FLOWDECK_FUZZ_READERS:-nfcapd blocks netflow collect pcap packed mmdb parquet arrow}; do
  seeds=$folder/$reader/seeds found=$folder/$reader/found
  mkdir -p "$seeds" "$found"
  # Small files only: libFuzzer changes a few bytes at a time.
  case $reader in
    nfcapd) from=("$samples/nfcapd") ;;
    netflow) from=("$samples/netflow-packets" "$samples/ipfix") ;;
    pcap) from=("$samples/pcap" "$samples/community-id") ;;
    packed) from=("$samples/zeek") ;;
    mmdb) from=("$samples/mmdb") ;;
    # Their seeds the program makes itself.
    blocks | collect | parquet | arrow) from=() ;;
  esac
  if [ "${#from[@]}" -gt 0 ]; then
    find "${from[@]}" -type f -size -64k -exec cp -n {} "$seeds" \; 2>/dev/null || true
  fi
  # Memory in MiB, seconds for one input.
  if (cd "$folder/$reader" && FLOWDECK_FUZZ=$reader FLOWDECK_SAMPLES=$samples "$program" found seeds -max_total_time="$seconds" -rss_limit_mb=1024 \
    -timeout=20 -max_len=65536 -print_final_stats=1 -verbosity=1 >log 2>&1); then
    passed=$((passed + 1))
    printf '%s: %s inputs, %s kept\n' "$reader" \
      "$(sed -n 's/^stat::number_of_executed_units: //p' "$folder/$reader/log")" "$(find "$found" -type f | wc -l)"
  else
    failed=$((failed + 1))
    tail -n 30 "$folder/$reader/log"
    echo "the reader of $reader files failed; the input is beside $folder/$reader/log"
  fi
done
printf 'fuzz: %s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
