"""What somebody would write without stibee-syncd, as a yardstick: reads the table, compares it with what it sent last
time, sends the difference in calls of 2,000 people one after the other, and remembers. It keeps no promise about
crashes, limits across restarts, opt-outs or the answer per person.

    rival.py PSQL-URL PORT CA-FILE STATE-FILE        (the list 99, 10 calls/s)"""

import http.client
import json
import os
import pickle
import ssl
import subprocess
import sys
import time


def rows(url):
    copy = "COPY (SELECT id, email, email_opt_in, grade, name, phone FROM members ORDER BY id) TO STDOUT"
    with subprocess.Popen(["psql", url, "-X", "-q", "-c", copy], stdout=subprocess.PIPE, text=True) as psql:
        for text in psql.stdout:
            yield text.rstrip("\n").split("\t")


def main(url, port, authority, state):
    known = {}
    if os.path.exists(state):
        with open(state, "rb") as file:
            known = pickle.load(file)
    now, calls = {}, {}
    for key, email, opted_in, grade, name, phone in rows(url):
        values = (email, opted_in, grade, name, phone)
        now[key] = values
        if known.get(key) == values:
            continue
        if opted_in == "t":
            calls.setdefault(("POST", grade), []).append({"email": email, "name": name, "phone": phone})
        elif key in known:
            calls.setdefault(("PUT", ""), []).append(email)
    for key in known.keys() - now.keys():
        calls.setdefault(("PUT", ""), []).append(known[key][0])

    stibee = http.client.HTTPSConnection("127.0.0.1", port, context=ssl.create_default_context(cafile=authority))
    next_slot = time.monotonic()
    for (method, grade), people in calls.items():
        for first in range(0, len(people), 2000):
            part = people[first:first + 2000]
            time.sleep(max(0, next_slot - time.monotonic()))
            next_slot = time.monotonic() + 0.1
            target = "/v1/lists/99/subscribers"
            body = {"eventOccurredBy": "MANUAL", "confirmEmailYN": "N", "subscribers": part}
            if method == "PUT":
                target, body = target + "/unsubscribe", part
            elif grade != "\\N":
                body["groupIds"] = ["21" if grade == "gold" else "22"]
            stibee.request(method, target, json.dumps(body), {"AccessToken": "sim-key", "Content-Type": "application/json"})
            answer = json.loads(stibee.getresponse().read())
            if not answer["Ok"]:
                sys.exit(f"refused: {answer['Error']}")
    with open(state, "wb") as file:
        pickle.dump(now, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
