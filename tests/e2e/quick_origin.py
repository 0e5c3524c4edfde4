"""An origin in a process of its own, for the tests that ask very often: it answers each request with `hello`.

Prints its port, and ends when its standard input does.
"""
import selectors
import socket
import sys

ANSWER = b"HTTP/1.0 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 5\r\n\r\nhello"


def main():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    print(listener.getsockname()[1], flush=True)
    poller = selectors.DefaultSelector()
    poller.register(listener, selectors.EVENT_READ)
    poller.register(sys.stdin, selectors.EVENT_READ)
    while True:
        for key, _ in poller.select():
            if key.fileobj is sys.stdin:
                return
            if key.fileobj is listener:
                poller.register(listener.accept()[0], selectors.EVENT_READ)
                continue
            poller.unregister(key.fileobj)
            with key.fileobj as connection:
                if connection.recv(65536):
                    connection.sendall(ANSWER)


if __name__ == "__main__":
    main()
