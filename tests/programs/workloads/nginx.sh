#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# nginx exchanges its workers again and again while clients ask: every request is
# answered, and at the end there are as many workers as there should be. Exit
# status 1 if not so.
set -u
failed=0

cat > nginx.conf <<END
daemon off;
user root;
pid $PWD/pid;
error_log $PWD/error.log notice;
worker_processes 2;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
    uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5;
    server { listen unix:$PWD/socket; location / { return 200 "hello"; } }
}
END
workers() { pgrep -P "$nginx" | sort | tr '\n' ' '; }

nginx -p "$PWD" -e "$PWD/error.log" -c "$PWD/nginx.conf" &
nginx=$!
for _ in {1..100}; do [ -S socket ] && [ -s pid ] && break; sleep 0.1; done
first=$(workers)
python3 -I -S - "$PWD/socket" 3000 <<'END' &
import socket, sys, threading
path, total = sys.argv[1], int(sys.argv[2])
answers = []
def ask(count):
    for _ in range(count):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(path)
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            got = b""
            while piece := client.recv(4096):
                got += piece
        answers.append(b" 200 OK" in got and got.endswith(b"hello"))
threads = [threading.Thread(target=ask, args=(total // 4,)) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print("answered", sum(answers), "of", total)
sys.exit(sum(answers) != total)
END
client=$!
for _ in 1 2 3 4 5 6; do
    kill -HUP $nginx
    sleep 0.3
done
wait $client
status=$?
echo "client $status"
[ $status = 0 ] || failed=1
for _ in {1..100}; do [ "$(workers | wc -w)" = 2 ] && break; sleep 0.1; done
echo "workers $(workers | wc -w)"
[ "$(workers | wc -w)" = 2 ] || failed=1
if [ "$(workers)" != "$first" ]; then echo "other ones than at first"; else failed=1; fi
kill -QUIT $nginx
wait $nginx
status=$?
echo "server $status"
[ $status = 0 ] || failed=1
grep -E '\[(alert|emerg|crit|error)\]' error.log && failed=1
exit $failed
