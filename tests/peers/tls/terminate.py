"""TLS in front of a server that has none: `terminate.py CERTIFICATE KEY PORT` takes TLS connections on a free port, which it prints, and
carries what they hold to PORT of 127.0.0.1 and back."""

import socket
import ssl
import sys
import threading

CHUNK_BYTES = 65536


def carry(source, target):
    """Until one of them ends."""
    try:
        while data := source.recv(CHUNK_BYTES):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, context, port):
    """One connection."""
    try:
        tls = context.wrap_socket(client, server_side=True)
        server = socket.create_connection(("127.0.0.1", port))
    except OSError:
        client.close()
        return
    back = threading.Thread(target=carry, args=(server, tls), daemon=True)
    back.start()
    carry(tls, server)


def main():
    certificate, key, port = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, context, int(port)), daemon=True).start()


main()
