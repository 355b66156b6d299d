#!/usr/bin/env python3
"""Gateway against nginx as a reverse proxy: CPU seconds per 100,000 requests, interleaved rounds.

Usage: run.py GATEWAY_BENCH [ROUNDS] [SECONDS]      (needs nginx and wrk)
"""
import os, random, re, statistics, subprocess, sys, tempfile, time, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def family(pid):
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True)
    return [pid] + [int(child) for child in children.stdout.split()]


def wait_for(url):
    for _ in range(200):
        try:
            return urllib.request.urlopen(url).read()
        except OSError:
            time.sleep(0.05)
    sys.exit(f"{url} does not answer")


def nginx(folder, name, body):
    text = open(f"{HERE}/{name}.conf").read().replace("@BODY@", body)
    path = f"{folder}/{name}.conf"
    open(path, "w").write(text)
    return subprocess.Popen(["nginx", "-p", folder, "-c", path, "-g", "daemon off;"],
                            stderr=subprocess.DEVNULL)


def load(url, seconds):
    run = subprocess.run(["wrk", "-t1", "-c32", f"-d{seconds}s", "--latency", url],
                         capture_output=True, text=True, check=True).stdout
    errors = re.findall(r"Socket errors.*|Non-2xx.*", run)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", run)
    scale = {"us": 1, "ms": 1000, "s": 1000000}[p99[2]]
    return int(re.search(r"(\d+) requests in", run)[1]), float(p99[1]) * scale, errors


def main():
    binary, rounds, seconds = sys.argv[1], int((sys.argv + ["5"] * 3)[2]), int((sys.argv + ["5"] * 4)[3])
    processes = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            body = "{" + '"text":"' + "x" * 1012 + '"}'
            processes.append(nginx(folder, "upstream", body))
            wait_for("http://127.0.0.1:18081/")
            processes.append(nginx(folder, "proxy", body))
            processes.append(subprocess.Popen([binary, "127.0.0.1:18083", "127.0.0.1:18081", "1"]))
            urls = {"nginx": "http://127.0.0.1:18082/", "gateway": "http://127.0.0.1:18083/"}
            owners = {"nginx": processes[1].pid, "gateway": processes[2].pid}
            for url in urls.values():
                wait_for(url)
            results = {name: [] for name in urls}
            for _ in range(rounds):
                order = list(urls)
                random.shuffle(order)
                for name in order:
                    pids = family(owners[name])
                    load(urls[name], 1)
                    before = cpu_seconds(pids)
                    count, p99, errors = load(urls[name], seconds)
                    cost = (cpu_seconds(pids) - before) * 100_000 / count
                    results[name].append((cost, count / seconds, p99))
                    if errors:
                        print(name, errors)
            for name, rows in results.items():
                costs, rates, p99s = zip(*rows)
                print(f"{name:8} cpu/100k {statistics.median(costs):.2f} s "
                      f"({min(costs):.2f}-{max(costs):.2f})  {statistics.median(rates):.0f} r/s  "
                      f"p99 {statistics.median(p99s):.0f} us")
            medians = {name: statistics.median(row[0] for row in rows) for name, rows in results.items()}
            print(f"ratio    {medians['gateway'] / medians['nginx']:.2f}")
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()


main()
