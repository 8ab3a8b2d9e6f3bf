# must: another program is as confined as this one
import subprocess
r = subprocess.run(["sh", "-c", "id; cat /etc/shadow /root/.bashrc; echo x > /usr/x && echo ESCAPED; (exec 3<>/dev/tcp/127.0.0.1/80) && echo ESCAPED; kill -9 -1"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
print(r.stdout, r.returncode)
if "root:" in r.stdout:
    print("ESCAPED")
