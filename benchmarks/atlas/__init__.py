"""The atlas: how fast are fits on all kinds of data, and do they keep the promise of ``tol``?"""
