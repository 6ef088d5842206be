"""Train the bundled encoder, or adapt it to a shop. Needs the extra ``train``: torch and onnx.

``python -m indexer.training --data DIR --out FILE`` trains, quantizes and exports it.
"""
