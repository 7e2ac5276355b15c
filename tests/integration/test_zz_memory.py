import subprocess, sys, time, os, threading
from pathlib import Path
def test_x(pg18,new_database,practise,s3):
    source = new_database(pg18)
    source.psql("CREATE TABLE t (id int, x bytea)")
    source.psql("INSERT INTO t SELECT n, (SELECT string_agg(sha512(convert_to(n || ' ' || g, 'UTF8')), '') FROM generate_series(1, 160) g) FROM generate_series(1, 9900) n")
    for bucket in (None, s3):
        if bucket: practice.configure(MINIO_ENDPOINT=f"http://{s3.endpoint}",MINIO_ACCESS_KEY=s3.access_key,MINIO_SECRET_KEY=s3.secret_key,MINIO_BUCKET=s3.name)
        else: practice = practise(source)
        for cmd in (["list"],["backup","full"],["verify","--all"]):
            child = subprocess.Popen([sys.executable, "/tmp/eight.py", *cmd], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=practice.environment | {"FAKE_CPUS": os.environ["FAKE_CPUS"], **{k:v for k,v in os.environ.items() if k.startswith("MALLOC")}})
            phase=["start"]; peaks={}
            def read():
                for line in child.stderr:
                    phase[0]=line.strip()[:60]
            t=threading.Thread(target=read); t.start()
            while child.poll() is None:
                try: s=Path(f"/proc/{child.pid}/status").read_text()
                except OSError: continue
                for l in s.splitlines():
                    if l.startswith("VmRSS"): 
                        v=int(l.split()[1])//1024
                        peaks[phase[0]]=max(peaks.get(phase[0],0),v)
                time.sleep(0.005)
            child.stderr.close(); t.join(); print(cmd, bool(bucket)); 
            print("    ", {k[:30]: v for k,v in peaks.items()}); __import__("sys").stdout.flush()
